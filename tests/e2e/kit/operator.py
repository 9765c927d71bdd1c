# SPDX-License-Identifier: Apache-2.0
"""An operator at a machine: commands as deploy/ writes them, run on the programs of a test."""
import re
import subprocess

from kit.process import assert_no_report
from kit.program import BIN, clean_env
from kit.shipped import DEPLOY
from kit.waiting import wait_for

# What stands in a text for what only the operator knows.
PLACES = re.compile(r"\b(WORKER|P:O|CODE|OPENID|ID|KEY|TIME|ACCOUNT|PORT)\b|(?<=--key )K\b|(?<=--reason )R\b|(?<=--account )A\b|(?<=--pushes )N\b")
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")


def inline(text):
    """What stands between backticks; a table's `\\|` is a bar."""
    return [code.replace("\\|", "|") for code in CODE.findall(text)]


def section(path, heading):
    """The part of a page of deploy/ below `## heading`."""
    return (DEPLOY / path).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]


def ports():
    """{port: program}, as the package has them."""
    text = section("OPERATING.md", "Debian package")
    listed = re.search(r"\*Admin ports\* are (.*?)\.\s", text, re.DOTALL)[1]
    return {port: program for port, program in re.findall(r"(\d{4}) \(?(\w+)\)?", listed)}


class Operator:
    """`kabaoctl` has the settings of `config`; `journalctl -u UNIT` shows the log of the program that `programs` has for
    it, 127.0.0.1:9103 is its admin port; `systemctl restart UNIT` stops it and starts it."""

    def __init__(self, folder, config, programs):
        self.folder, self.programs = folder, programs
        self.ini = folder / "operator.ini"
        self.use(config)
        tools = folder / "tools"
        tools.mkdir()
        self._tool(tools / "kabaoctl", f'exec {BIN}/kabaoctl "$@" --config {self.ini}')
        for program in BIN.glob("kabao-*"):
            self._tool(tools / program.name, f'exec {program} "$@" --config {self.ini}')
        self._tool(tools / "journalctl", 'while getopts u:o:n:kg: o; do case $o in u) u=$OPTARG;; n) n=$OPTARG;; k) exit 0;; esac;'
                   f' done; exec tail -n "${{n:-+1}}" "{folder}/$u"')
        self._tool(tools / "systemctl", "exit 0")
        self.env = clean_env()
        self.env["PATH"] = f"{tools}:{self.env['PATH']}"

    def use(self, config):
        """The settings from now on."""
        self.config = config
        config.write(self.ini)

    @staticmethod
    def _tool(path, text):
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def _at_hand(self, command):
        for name, program in self.programs.items():
            unit = self.folder / ("kabao-ingress" if name == "ingress" else f"kabao@{name}")
            unit.unlink(missing_ok=True)
            unit.symlink_to(program.log_path)
        for port, name in ports().items():
            if name in self.programs:
                command = command.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.programs[name].admin_port}")
        return command

    def run(self, command, names=None, timeout=60, **env):
        """(exit status, what it printed). `names`: what stands for WORKER and the like."""
        names = names or {}
        command = PLACES.sub(lambda found: names[found[0]], command)
        if command.startswith("systemctl restart "):
            name = re.split("[-@]", command.split()[2])[1]
            self.programs[name].stop()
            self.programs[name].start()
        done = subprocess.run(["bash", "-c", self._at_hand(command)], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env={**self.env, **env}, cwd=self.folder, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        assert_no_report(done.stdout, command)
        return done.returncode, done.stdout

    def ask(self, commands, names=None, **env):
        """What all of them print."""
        return "".join(self.run(command, names, **env)[1] for command in commands)

    def wait_told(self, commands, words, names=None, timeout=30, **env):
        """Until they print all of these words."""
        said = [""]

        def told():
            said[0] = self.ask(commands, names, **env)
            return all(word in said[0] for word in words)

        wait_for(told, timeout, lambda: f"{words} of {commands} {names}; told:\n{said[0][-3000:]}")
        return said[0]
