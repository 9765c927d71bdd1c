# SPDX-License-Identifier: Apache-2.0
"""A folder in memory for a server's data, where there is room: a server makes hundreds of files for each test, and waits
for the disk at each. What a process was told is written outlives its SIGKILL there as on a disk."""
import fcntl
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from kit.scale import SOAK

MEMORY = Path("/dev/shm")  # noqa: S108 (mkdtemp makes a name of its own in it)
ROOM = 3 << 30  # for one server; it takes far less
NAME = "kabao-e2e."


@contextmanager
def folder(kept):
    """A folder for one server. In memory it is removed at the end and only its logs go to `kept`; without room, or in
    a soak, it is `kept`."""
    if SOAK or not _has_room():
        yield kept
        return
    _sweep()
    path = Path(tempfile.mkdtemp(prefix=NAME, dir=MEMORY))
    lock = _lock(path)
    try:
        yield path
    finally:
        for log in path.glob("*.log"):
            shutil.copy(log, kept)
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _has_room():
    try:
        free = os.statvfs(MEMORY)
        with open("/proc/meminfo", encoding="ascii") as file:
            available = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) * 1024
    except (OSError, StopIteration):
        return False
    return os.access(MEMORY, os.W_OK) and min(free.f_bavail * free.f_frsize, available) > ROOM


def _lock(path):
    """Descriptor of a lock that ends with this process, however it ends; None when another has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _sweep():
    """Removes what killed runs have left: nobody holds their locks. Younger than a minute: perhaps not locked yet."""
    for path in MEMORY.glob(f"{NAME}*"):
        try:
            if time.time() - path.stat().st_mtime < 60:
                continue
            lock = _lock(path)
        except OSError:
            continue
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)
