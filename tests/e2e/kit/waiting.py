# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition, never for luck."""
import time
from concurrent.futures import ThreadPoolExecutor


def wait_for(predicate, timeout, what):
    """Polls until predicate() is true and returns its value; AssertionError naming `what` after `timeout` seconds.

    `what` may be a function, called only when the wait fails, to tell what was seen last."""
    deadline = time.monotonic() + timeout
    pause = 0.01
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def concurrently(function, items, threads=32):
    """function(item) for all items on a few threads; results in the order of the items."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return list(pool.map(function, items))
