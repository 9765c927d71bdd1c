# SPDX-License-Identifier: Apache-2.0
"""What deploy/ ships, as texts and tables."""
import re

from kit.program import ROOT

DEPLOY = ROOT / "deploy"


def read(path):
    """The text of a file, named from deploy/."""
    return (DEPLOY / path).read_text(encoding="utf-8")


WORKERS = re.findall(r"^add_worker\((\w+)", read("../workers/CMakeLists.txt"), re.MULTILINE)
PROGRAMS = ["ingress", *WORKERS]
SHIPPED = {*(f"kabao-{name}" for name in PROGRAMS), "kabaoctl"}
UNITS = ["kabao-ingress.service", *(f"kabao@{name}.service" for name in WORKERS)]


def settings_of(home, unit):
    """[(key, value)] of what the folder `home` has of a unit: the file or an instance's template, then drop-ins."""
    template = re.sub("@.*[.]", "@.", unit)
    files = [*home.glob(template), *sorted(home.glob(f"{unit}.d/*.conf"))]
    lines = "\n".join(f.read_text(encoding="utf-8") for f in files).splitlines()
    return [tuple(line.split("=", 1)) for line in lines if "=" in line and not line.startswith("#")]


def values_of(settings, key):
    return [value for one, value in settings if one == key]


def program_of(unit):
    """kabao@member.service: member"""
    return re.fullmatch(r"kabao[-@](\w+)\.service", unit)[1]


def shown(path, heading):
    """Lines of the code blocks of one section of a Markdown file."""
    section = read(path).split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]
