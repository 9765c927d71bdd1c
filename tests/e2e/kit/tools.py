# SPDX-License-Identifier: Apache-2.0
"""Tools of the machine that a test may want, and those that tests/run.sh (prepare_tools) keeps for the tests alone."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kabao"


def call(*words, feed="", **options):
    """Its output, both streams; anything but exit 0 fails the test. `feed` is its input."""
    done = subprocess.run([str(w) for w in words], check=False, input=feed, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.returncode}\n{done.stdout}"
    return done.stdout


def kept(pattern):
    """What matches below the folders of prepare_tools."""
    return sorted(CACHE.glob(f"tools/*/{pattern}"))


def needs(tool, why=""):
    """The tool's path: /usr/sbin is not on everybody's PATH."""
    ours = (str(folder) for pattern in ("bin", "usr/bin", "usr/sbin") for folder in kept(pattern))
    found = shutil.which(tool, path=":".join((os.environ["PATH"], "/usr/sbin", "/sbin", *ours)))
    if not found:
        pytest.skip(f"no {tool} here{why}; tests/run.sh fetches what the machine lacks")
    return found
