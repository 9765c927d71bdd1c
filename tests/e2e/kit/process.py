# SPDX-License-Identifier: Apache-2.0
"""One child process: tied to the test run, ended by its own process id, never by name."""
import glob
import os
import random
import re
import signal
import socket
import subprocess

from kit.waiting import wait_for

_used_ports = set()
_REPORT = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer|Assertion .* failed)")


def free_port():
    """Below the kernel's range for outgoing connections, so that a stopped server's port stays its own."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        if port in _used_ports:
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _used_ports.add(port)
        return port


def assert_no_report(text, whose):
    """No sanitizer's report and no failed assertion in what a program wrote."""
    found = _REPORT.search(text)
    assert not found, f"{whose}:\n{text[max(0, found.start() - 200):found.start() + 4000]}"


class Process:
    """argv runs in its own process group; the kernel kills it when the test run dies, however it dies.

    The kernel ties a child to the thread that started it: start processes from the main thread."""

    def __init__(self, argv, log_path, env=None):
        self.argv = [str(a) for a in argv]
        self.log_path = log_path
        self.env = env
        self.child = None

    def start(self):
        assert not self.running, f"{self.argv[0]} runs already"
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self.argv],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, start_new_session=True)
        return self

    @property
    def running(self):
        return self.child is not None and self.child.poll() is None

    @property
    def pid(self):
        return self.child.pid

    def children(self):
        """Process ids of the direct children (a worker runs in a child of its supervisor)."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as f:
            return [int(pid) for pid in f.read().split()]

    def signal(self, number):
        self.child.send_signal(number)

    def freeze(self):
        """Returns when every thread has stopped: the signal itself says only that they will."""
        os.killpg(self.pid, signal.SIGSTOP)
        wait_for(lambda: all(state in "TtZX" for state in self._thread_states()), 20, f"{self.argv[0]} frozen")

    def _thread_states(self):
        for stat in glob.glob(f"/proc/{self.pid}/task/*/stat"):
            try:
                with open(stat, encoding="utf-8", errors="replace") as file:
                    yield file.read().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                continue  # the thread has ended

    def thaw(self):
        if self.running:
            os.killpg(self.pid, signal.SIGCONT)

    def wait_exit(self, timeout=30):
        """The exit status; negative for a signal, as subprocess has it."""
        wait_for(lambda: not self.running, timeout, f"the end of {self.argv[0]}, log {self.log_path}")
        return self.child.returncode

    def terminate(self, timeout=30):
        """SIGTERM; the exit status."""
        if self.running:
            self.thaw()
            self.signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    def kill(self):
        """SIGKILL to the whole group; nothing is left when it returns."""
        if self.child is None:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()

    def log_text(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def check_log(self, secrets=()):
        """What no log may hold: a sanitizer's report, a failed assertion, a secret in clear."""
        text = self.log_text()
        assert_no_report(text, self.log_path)
        for secret in secrets:
            assert secret not in text, f"a secret in clear in {self.log_path}"
