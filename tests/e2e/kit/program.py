# SPDX-License-Identifier: Apache-2.0
"""One running program of kabao, and the simulator of WeChat."""
import http.client
import json
import os
import re
import signal
import subprocess
from pathlib import Path

from kit.process import Process, assert_no_report, free_port
from kit.servers import ROOT
from kit.waiting import wait_for

BIN = Path(os.environ.get("KABAO_BIN", ROOT / "build/debug/bin"))
THREADS = BIN.parent / "tests/libtsan_threads.so"  # in a build for ThreadSanitizer

_SAMPLE = re.compile(r"^(?P<name>[a-z_:][a-z0-9_:]*)(\{(?P<labels>.*)\})? (?P<value>[-+0-9.eE]+|[-+]?Inf|NaN)$")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def clean_env(extra=None):
    """The test run's environment without settings of kabao: a test names its own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("KABAO_")}
    if THREADS.exists():
        env["LD_PRELOAD"] = str(THREADS)
        env["TSAN_OPTIONS"] = f"suppressions={ROOT / 'tests/tsan/suppressions.txt'} history_size=4 second_deadlock_stack=1"
    env.update(extra or {})
    return env


def run_tool(name, *args, env=None, timeout=60, text=None):
    """Runs kabao-NAME or kabaoctl to its end; a subprocess.CompletedProcess with text output."""
    binary = BIN / (name if name == "kabaoctl" else f"kabao-{name}")
    done = subprocess.run([str(binary), *map(str, args)], check=False, capture_output=True, text=True, input=text or "",
                          env=clean_env(env), timeout=timeout)
    assert_no_report(done.stderr, binary)
    return done


def http_get(port, path, timeout=5):
    """(status, body text) from 127.0.0.1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode("utf-8", "replace")
    finally:
        connection.close()


def parse_metrics(text):
    """[(name, {label: value}, number)] of a Prometheus page; a line that does not parse fails the test."""
    samples = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.match(line)
        assert match, f"not a sample: {line!r}"
        samples.append((match["name"], dict(_LABEL.findall(match["labels"] or "")), float(match["value"])))
    return samples


class Program(Process):
    """kabao-NAME with its own admin port and log file. `config` is a kit.config.Config, written to an INI of its own, or
    the path of settings that are used as they stand."""

    def __init__(self, name, config, directory, label, env=None):
        self.name = name
        self.admin_port = free_port()
        admin = f"127.0.0.1:{self.admin_port}"
        if isinstance(config, Path):
            self.config, self.ini = None, config
            env = {**(env or {}), "KABAO_ADMIN_LISTEN": admin}
        else:
            changes = {"admin": {"listen": admin}}
            if name == "ingress" and "listen" not in config.sections.get("ingress", {}):
                changes["ingress"] = {"listen": f"127.0.0.1:{free_port()}"}
            self.config = config.with_(changes)
            self.ini = self.config.write(Path(directory) / f"{label}.ini")
        super().__init__([BIN / f"kabao-{name}", "--config", self.ini], Path(directory) / f"{label}.log",
                         clean_env(env))

    @property
    def listen(self):
        """(host, port) of an ingress."""
        host, port = self.config.get("ingress", "listen").rsplit(":", 1)
        return host, int(port)

    def start(self, ready=True, timeout=30):
        super().start()
        if ready:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=30):
        wait_for(self._ready_or_dead, timeout, lambda: f"{self.name} ready; log:\n{self.log_text()[-3000:]}")

    def _ready_or_dead(self):
        assert self.running, f"{self.name} ended with {self.child.returncode}:\n{self.log_text()[-3000:]}"
        return self.probe("/readyz") == 200

    def probe(self, path):
        """Status of /healthz or /readyz; None while nobody answers."""
        try:
            return http_get(self.admin_port, path)[0]
        except OSError:
            return None

    def metrics(self):
        status, text = http_get(self.admin_port, "/metrics")
        assert status == 200, text
        return parse_metrics(text)

    def metric(self, name, **labels):
        """Sum of the samples of that name with those labels; None when there is none."""
        found = [value for sample, has, value in self.metrics()
                 if sample == name and all(has.get(k) == v for k, v in labels.items())]
        return sum(found) if found else None

    def wait_metric(self, name, at_least=1, timeout=30, **labels):
        wait_for(lambda: (self.metric(name, **labels) or 0) >= at_least, timeout,
                 lambda: f"{name}{labels} >= {at_least} in {self.name}; is {self.metric(name, **labels)}")

    def stop(self, timeout=30):
        """SIGTERM, and the program owes exit 0 (a leak found by the sanitizer is another status)."""
        self.owe_good_end(self.terminate(timeout))

    def await_stop(self, timeout=30):
        """After a SIGTERM sent already: a second one would end it without draining."""
        self.owe_good_end(self.wait_exit(timeout))

    def owe_good_end(self, status):
        if status == -signal.SIGTERM and not self.log_text():
            return  # it had not come to its first line: no signal is caught yet
        assert status == 0, f"{self.name} ended with {status}:\n{self.log_text()[-3000:]}"

    def log_lines(self, event=None):
        """The log as dicts; every line must be one JSON object."""
        lines = [json.loads(line) for line in self.log_text().splitlines() if line]
        return [line for line in lines if event is None or line.get("event") == event]
