# SPDX-License-Identifier: Apache-2.0
"""A Markdown page as tests compare and run it: sections with what must be the same in every language."""
import re
from collections import Counter
from dataclasses import dataclass, field

TWINS = {"README.md", "README.zh-CN.md"}
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
_FIGURE = re.compile(r"\d+(?:[-.:,]\d+)*")


@dataclass
class Section:
    level: int
    heading: str
    text: list = field(default_factory=list)  # lines outside of code blocks
    blocks: list = field(default_factory=list)  # (language, text)

    @property
    def prose(self):
        return "\n".join(self.text)

    @property
    def code(self):
        """What stands between backticks, without what a command's comment would be."""
        return Counter(_CODE.findall(self.prose))

    @property
    def figures(self):
        """Numbers in words around them: 10,000 and 10000 are the same."""
        plain = _LINK.sub(r"\1", _CODE.sub(" ", f"{self.heading}\n{self.prose}"))
        return Counter(figure.replace(",", "") for figure in _FIGURE.findall(plain))

    @property
    def links(self):
        return [target for _, target in _LINK.findall(self.prose)]

    @property
    def table(self):
        """Columns of each row."""
        return [line.replace("\\|", "").count("|") for line in self.text if line.startswith("|")]

    @property
    def points(self):
        return sum(line.startswith("- ") for line in self.text)

    @property
    def commands(self):
        """Blocks of code without lines that are comments: those are for people, in their language."""
        return [(language, "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#")))
                for language, text in self.blocks if language != "text"]


def read(path):
    """The sections of a page, in order."""
    sections, fence = [], None
    for line in path.read_text(encoding="utf-8").splitlines():
        if fence is not None:
            if line == "```":
                sections[-1].blocks.append((fence[0], "".join(fence[1:])))
                fence = None
            else:
                fence.append(line + "\n")
        elif line.startswith("```"):
            fence = [line[3:]]
        elif line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            sections.append(Section(level, line[level:].strip()))
        else:
            sections[-1].text.append(line)
    assert fence is None, f"{path}: a block of code has no end"
    return sections


def anchor(heading):
    """Of a heading, as the pages' hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def place(target, sections):
    """A link so that it can be compared: one into the page itself is the number of its section."""
    if target.startswith("#"):
        return [anchor(section.heading) for section in sections].index(target[1:])
    return "the other language" if target in TWINS else target
