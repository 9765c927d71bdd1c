# SPDX-License-Identifier: Apache-2.0
"""--help, manual page and completion come from the same rows: they list the same."""
import os
import re
import subprocess

import pytest

from kit.program import BIN, run_tool
from kit.tools import call, needs

PROGRAMS = sorted(p.name.removeprefix("kabao-") for p in BIN.glob("kabao-*")
                  if p.name not in ("kabao-wxsim", "kabao-probe"))


def said(name, *words):
    done = run_tool(name, *words)
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout


def options_of_help(text):
    return re.findall(r"^  --([a-z-]+)", text, re.MULTILINE)


def options_of_man(text):
    return [found.replace("\\-", "-") for found in re.findall(r"^\.B \\-\\-([a-z\\-]+)", text, re.MULTILINE)]


def subcommands():
    """{name: its line in --help}"""
    rows = re.findall(r"^  ((?:[a-z][a-z-]* )+) +(.*)$", said("kabaoctl", "--help"), re.MULTILINE)
    return {name.strip(): rest for name, rest in rows}


def completed(*words):
    """What bash offers for the last of the words."""
    typed = " ".join(f"'{word}'" for word in words)
    script = (f"eval \"$(kabaoctl --completion bash)\"; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; "
              "_kabaoctl; printf '%s\\n' \"${COMPREPLY[@]}\"")
    return call("bash", "-c", script, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}).split()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_the_same_options_in_help_and_manual(name):
    options = options_of_help(said(name, "--help"))
    assert {"config", "check-config", "help", "man"} <= set(options)
    assert options == options_of_man(said(name, "--man"))


def test_every_subcommand_has_the_same_options_in_help_manual_and_completion():
    page = said("kabaoctl", "--man")
    everywhere, *sections = re.split(r"^\.SS ", page, flags=re.MULTILINE)
    common = options_of_man(everywhere)
    assert {"config", "json", "help"} <= set(common)
    names = subcommands()
    assert len(names) == len(sections) > 20
    for section, name in zip(sections, names):
        assert section.replace("\\-", "-").startswith(name), "the same order"
        options = options_of_help(said("kabaoctl", *name.split(), "--help"))
        assert set(options) == set(common) | set(options_of_man(section)), name
        assert set(completed("kabaoctl", *name.split(), "x", "--")) == {f"--{one}" for one in options}, name


def test_completion_knows_the_words_of_subcommands():
    names = [name.split() for name in subcommands()]
    assert set(completed("kabaoctl", "")) == {words[0] for words in names}
    assert set(completed("kabaoctl", "--json", "dlq", "")) == {w[1] for w in names if w[0] == "dlq"}
    assert completed("kabaoctl", "dlq", "rep") == ["replay"]
    assert completed("kabaoctl", "tail", "") == [], "the shell's own: file names"


def test_zsh_takes_the_completion():
    script = 'autoload -U compinit && compinit -u -D; eval "$(kabaoctl --completion zsh)"; whence -w _kabaoctl'
    done = subprocess.run([needs("zsh"), "-f", "-c", script], check=False, capture_output=True, text=True,
                          env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
    assert (done.stdout, done.stderr) == ("_kabaoctl: function\n", "")


def test_another_shell_is_a_usage_error():
    assert run_tool("kabaoctl", "--completion", "tcsh").returncode == 64


@pytest.mark.parametrize("name", ["kabaoctl", *PROGRAMS])
def test_manual_pages_are_clean(name):
    assert call(needs("groff"), "-man", "-ww", "-z", "-Tutf8", feed=said(name, "--man")) == ""
