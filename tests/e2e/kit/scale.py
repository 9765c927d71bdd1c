# SPDX-License-Identifier: Apache-2.0
"""How much of something a test does."""
import os

SOAK = bool(os.environ.get("KABAO_SOAK"))


def count(soak, fits):
    """The number of the acceptance lists under `tests/run.sh soak`, else one that fits into a normal run."""
    return soak if SOAK else fits
