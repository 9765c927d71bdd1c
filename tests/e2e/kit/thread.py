# SPDX-License-Identifier: Apache-2.0
"""One thread of a program that stands still while its others run on, as one that waits for ever would."""
import ctypes
import os

import pytest

from kit.waiting import wait_for

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17  # ptrace(2)
_WALL = 0x40000000  # of waitpid: threads, too

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def threads(pid):
    """In the order in which they were started."""
    return sorted(int(number) for number in os.listdir(f"/proc/{pid}/task"))


class StoppedThread:
    """with StoppedThread(number): …; it goes on afterwards."""

    def __init__(self, number):
        self.number = number

    def __enter__(self):
        if _libc.ptrace(SEIZE, self.number, None, None) != 0:
            pytest.skip(f"no ptrace here: {os.strerror(ctypes.get_errno())}")
        _libc.ptrace(INTERRUPT, self.number, None, None)
        wait_for(lambda: os.waitpid(self.number, _WALL | os.WNOHANG)[0] == self.number, 10, "the thread to stop")
        return self

    def __exit__(self, *_):
        _libc.ptrace(DETACH, self.number, None, None)
