# SPDX-License-Identifier: Apache-2.0
"""Tools of the machine that a test may want."""
import os
import shutil
import subprocess

import pytest


def call(*words, feed="", **options):
    """Its output, both streams; anything but exit 0 fails the test. `feed` is its input."""
    done = subprocess.run([str(w) for w in words], check=False, input=feed, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.returncode}\n{done.stdout}"
    return done.stdout


def needs(tool, why=""):
    """The tool's path: /usr/sbin is not on everybody's PATH."""
    found = shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        pytest.skip(f"no {tool} here{why}")
    return found
