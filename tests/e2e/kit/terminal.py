# SPDX-License-Identifier: Apache-2.0
"""kabaoctl as a person has it: on a terminal."""
import fcntl
import os
import pty
import subprocess
import termios

from kit.process import assert_no_report
from kit.program import BIN, clean_env


class Dialogue:
    """kabaoctl with these words, to be talked with. Whoever leaves the block closes the terminal."""

    def __init__(self, argv, env=None):
        self.master, slave = pty.openpty()
        self.child = subprocess.Popen([str(BIN / "kabaoctl"), *argv], stdin=slave, stdout=slave, stderr=slave,
                                      env=clean_env(env), preexec_fn=take_terminal)
        self.slave = slave  # kept open: its modes can be looked at
        self.output = b""
        self.seen = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for fd in (self.master, self.slave):
            if fd is not None:
                os.close(fd)
        self.child.kill()
        self.child.wait(60)

    def expect(self, text):
        """Waits until this was said since the last time."""
        while (at := self.output.find(text.encode(), self.seen)) < 0:
            self.output += os.read(self.master, 4096)
        self.seen = at + len(text.encode())

    def type(self, text):
        os.write(self.master, text.encode())

    def shows(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def end(self):
        """(exit status, all it said)"""
        os.close(self.slave)
        self.slave = None
        try:
            while chunk := os.read(self.master, 4096):
                self.output += chunk
        except OSError:  # the other end is closed
            pass
        status = self.child.wait(60)
        assert_no_report(self.output.decode(), "kabaoctl")
        return status, self.output.decode()


def take_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def on_terminal(argv, answer):
    """(exit status, output) of kabaoctl with these words; answer (bytes) is typed ahead."""
    with Dialogue(argv) as dialogue:
        os.write(dialogue.master, answer)
        return dialogue.end()
