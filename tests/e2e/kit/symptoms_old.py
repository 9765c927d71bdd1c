# SPDX-License-Identifier: Apache-2.0
"""The faults of "The old system" in "What is wrong?"."""
from kit.oldsystem import OldSystem
from kit.symptoms import fault


def old_system(s):
    """One that kabao-forward has pushes for."""
    old = OldSystem("compatible").start()
    s.need("forward", changes={"account demo": {"forward_url": old.url}})
    return old


@fault("old-away")
def the_old_system_fails(s):
    old = old_system(s)
    old.on(status=502)
    for n in range(30, 40):
        s.tell(f"{n:06d}")
    yield
    old.forget()
    s.kafka.wait_done("forward", "event.wechat")
    old.stop()


@fault("old-refuses")
def the_old_system_refuses(s):
    old = old_system(s)
    old.fails("000023")
    s.tell("000023")
    s.letter("forward", "exhausted")
    yield
    old.forget()
    yield
    old.stop()
