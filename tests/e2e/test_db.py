# SPDX-License-Identifier: Apache-2.0
"""common/db and the engine's tables against the real server: the C programs of tests/db, each in a database of its
own."""
import os
import subprocess
from pathlib import Path

import pytest


@pytest.mark.deadline(180)
@pytest.mark.parametrize("name", ["mysql", "migrate", "writer", "engine", "parked", "parked_queues"])
def test_db_programs_pass(db_server, name):
    db_server.ensure_running()
    program = Path(os.environ["KABAO_BIN"]).parent / "tests" / f"db_{name}"
    done = subprocess.run([program, db_server.socket, db_server.password_file], check=False, timeout=170,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-8000:]
