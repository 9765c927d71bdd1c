# SPDX-License-Identifier: Apache-2.0
"""kabaoctl as a person has it: on a terminal."""
import os
import pty
import subprocess

from kit.process import assert_no_report
from kit.program import BIN, clean_env


def on_terminal(argv, answer):
    """(exit status, output) of kabaoctl with these words; answer (bytes) is typed ahead."""
    master, slave = pty.openpty()
    child = subprocess.Popen([str(BIN / "kabaoctl"), *argv], stdin=slave, stdout=slave, stderr=slave, env=clean_env(),
                             start_new_session=True)
    os.close(slave)
    os.write(master, answer)
    output = b""
    try:
        while chunk := os.read(master, 4096):
            output += chunk
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(master)
        status = child.wait(60)
    assert_no_report(output.decode(), "kabaoctl")
    return status, output.decode()
