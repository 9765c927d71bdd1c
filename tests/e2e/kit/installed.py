# SPDX-License-Identifier: Apache-2.0
"""A machine on which the package is installed, in a folder: its settings and secrets, its units, root's tools. Commands that
name /etc/kabao and the like mean what lies there; `systemctl` starts a program with what its unit gives it."""
import configparser
import re
import shlex
import shutil
import subprocess

from kit.config import write_secret
from kit.process import Process, assert_no_report, free_port
from kit.program import BIN, clean_env, http_get
from kit.shipped import DEPLOY, program_of, settings_of, values_of
from kit.waiting import wait_for

HOST = "https://shop.example.com"  # of the guides


def sections(text):
    """[(section, key, value)] of a piece of settings."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read_string(text)
    return [(name, key, value) for name in parser.sections() for key, value in parser.items(name)]


class Installed:
    """env: KABAO_ variables of all programs and tools, for what differs from a machine of its own."""

    def __init__(self, folder, db, env):
        self.folder, self.db, self.programs = folder, db, {}
        self.listen = f"127.0.0.1:{free_port()}"
        self.work = folder / "root"  # where the operator stands
        self.etc, self.units = folder / "etc", folder / "units"
        for made in (self.work, self.etc / "secrets", self.units):
            made.mkdir(parents=True)
        self.places = {"/etc/kabao": str(self.etc), "/etc/systemd/system": str(self.units),
                       "/usr/share/doc/kabao/examples/systemd": str(DEPLOY / "systemd/examples")}
        self.ini = self.etc / "kabao.ini"
        self.ini.write_text(self.here((DEPLOY / "config/kabao.ini").read_text(encoding="utf-8")), encoding="utf-8")
        write_secret(self.etc / "secrets/mysql.password", db.server.password_file.read_text(encoding="ascii").strip())
        self.env = clean_env({**env, "KABAO_INGRESS_LISTEN": self.listen})
        self.env["PATH"] = f"{self._tools()}:{self.env['PATH']}"

    def _tools(self):
        tools = self.folder / "tools"
        tools.mkdir()
        web = " ".join(f"[[ $a != {place}/* ]] || a=http://{self.listen}${{a#{place}}};"
                       for place in (HOST, "http://127.0.0.1:8080"))
        for name, text in {
                "kabaoctl": f'exec {BIN}/kabaoctl "$@" --config {self.ini}',
                "mariadb": f'shift; exec {shutil.which("mariadb")} --no-defaults -u kabao --socket={self.db.server.socket}'
                           f' {self.db.name} "$@"',
                "install": 'shift 2; exec /usr/bin/install "$@"',  # -g kabao, whom nobody made here
                "curl": f'args=(); for a; do {web} args+=("$a"); done; exec {shutil.which("curl")} "${{args[@]}}"',
                "journalctl": f'while getopts u:o:n: o; do case $o in u) u=$OPTARG;; esac; done; cat "{self.folder}/$u.log"',
        }.items():
            (tools / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
            (tools / name).chmod(0o755)
        self.env["MYSQL_PWD"] = self.db.server.password_file.read_text(encoding="ascii").strip()
        return tools

    def here(self, text):
        for place, ours in self.places.items():
            text = text.replace(place, ours)
        return text

    def settings(self, text):
        """What an editor would do with a piece of settings: its keys into their sections."""
        lines = self.ini.read_text(encoding="utf-8").splitlines()
        for section, key, value in sections(self.here(text)):
            if f"[{section}]" not in lines:
                lines += ["", f"[{section}]"]
            begin = lines.index(f"[{section}]") + 1
            end = next((n for n in range(begin, len(lines)) if lines[n].startswith("[")), len(lines))
            old = [n for n in range(begin, end) if re.match(rf"{re.escape(key)}\s*=", lines[n])]
            lines[old[0] if old else begin:old[0] + 1 if old else begin] = [f"{key} = {value}"]
        self.ini.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def given(self, unit):
        """Variables that the unit gives its program: its credentials must be there."""
        found = settings_of(DEPLOY / "systemd", unit) + settings_of(self.units, unit)
        credentials = self.folder / "credentials" / unit
        shutil.rmtree(credentials, ignore_errors=True)
        credentials.mkdir(parents=True)
        for credential in values_of(found, "LoadCredential"):
            name, path = credential.split(":")
            shutil.copy(self.here(path), credentials / name)
        return dict(value.replace("%d", str(credentials)).split("=", 1) for value in values_of(found, "Environment"))

    def start(self, *units):
        """As systemd does, all at once; ready."""
        ports = {}
        for unit in units:
            ports[unit] = free_port()
            env = {**self.given(unit), **self.env, "KABAO_ADMIN_LISTEN": f"127.0.0.1:{ports[unit]}"}
            argv = [BIN / f"kabao-{program_of(unit)}", "--config", self.ini]
            self.programs[unit] = Process(argv, self.folder / f"{unit.removesuffix('.service')}.log", env).start()
        for unit in units:
            program = self.programs[unit]
            wait_for(lambda program=program, port=ports[unit]: not program.running or self._ready(port), 60,
                     program.log_text)
            assert program.running, program.log_text()

    @staticmethod
    def _ready(port):
        try:
            return http_get(port, "/readyz")[0] == 200
        except OSError:
            return False

    def systemctl(self, verb, *units):
        units = [f"{unit}.service" for unit in units if unit != "--now"]
        if verb == "is-active":
            assert all(self.programs[unit].running for unit in units)
            return
        if verb in ("stop", "restart"):
            for unit in units:
                assert self.programs[unit].terminate() == 0, self.programs[unit].log_text()
        if verb in ("enable", "restart"):
            self.start(*units)

    def run(self, line, timeout=90):
        """One command; what it printed."""
        if line.startswith("systemctl "):
            self.systemctl(*shlex.split(line)[1:])
            return ""
        done = subprocess.run(["bash", "-euc", self.here(line)], check=False, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env, cwd=self.work, timeout=timeout)
        assert_no_report(done.stdout, line)
        assert done.returncode == 0, f"{line}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def block(self, text):
        return "".join(self.run(line) for line in text.splitlines())

    def end(self, secrets):
        """All of them end well and have told nobody's secrets."""
        running = [program for program in self.programs.values() if program.running]
        for program in running:
            assert program.terminate() == 0, program.log_text()[-3000:]
        for program in self.programs.values():
            program.check_log(secrets)

    def kill(self):
        for program in self.programs.values():
            program.kill()


