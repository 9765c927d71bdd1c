#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What one machine with everything on it needs: memory of each program, of Kafka and of MariaDB, and what a push leaves on
disk (README.md)."""
import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import store as bench  # also finds the kit

from kit.config import SECRETS, write_secret
from kit.population import accounts, member
from kit.program import Program
from kit.push import Pusher, card_event
from kit.shipped import WORKERS
from kit.sim import Sim
from kit.waiting import concurrently, wait_for
from parts.measure import print_table

MILLION = 1000000
CHUNK = 500  # members that the simulator is told of at a time
TABLES = {"wechat_event": 1, "member": 1, "member_field": 4}  # rows that a push of a card never seen before leaves


def memory_mb(pid):
    """Of a process and all below it; what they share counts once."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    children = (task / "children" for task in Path(f"/proc/{pid}/task").iterdir())
    return int(re.search(r"^Pss:\s+(\d+) kB$", rollup, re.MULTILINE)[1]) / 1024 + sum(
        memory_mb(int(child)) for file in children for child in file.read_text(encoding="ascii").split())


def disk_bytes(*paths):
    """Blocks in use, as `du` counts them."""
    if not paths:
        return 0
    done = subprocess.run(["du", "-scB1", *paths], check=True, capture_output=True, text=True)
    return int(done.stdout.splitlines()[-1].split()[0])


class Machine:
    """Everything once, with the settings of a first account: defaults, and what each program cannot start without."""

    def __init__(self, stage, count):
        self.stage = stage
        config, self.database = stage.prepare()
        self.count = count
        self.sim = Sim(stage.directory, accounts())
        crm = write_secret(stage.directory / "crm.secret", f"whsec_{SECRETS['seal_key']}")
        self.config = config.with_(wechat={"base_url": self.sim.url}, crm={
            "url": f"{self.sim.url}/crm", "events": "kabao.binding.*", "secret_file": crm})
        self.programs = {name: Program(name, self.config, stage.directory, name) for name in ["ingress", *WORKERS]}

    def __enter__(self):
        self.sim.start()
        for first in range(0, self.count, CHUNK):
            numbers = range(first, min(first + CHUNK, self.count))
            self.sim.control("members", {"members": [member(f"{n:012}") for n in numbers]})
        for program in self.programs.values():
            program.start(ready=False)
        for program in self.programs.values():
            program.wait_ready(60)
        return self

    def __exit__(self, *_):
        for process in (*self.programs.values(), self.sim):
            process.kill()

    def memory(self):
        """{program: MB}"""
        found = {f"kabao-{name}": memory_mb(program.pid) for name, program in self.programs.items()}
        servers = {"Kafka": self.stage.broker, "MariaDB": self.stage.server}
        return {**found, **{name: memory_mb(server.process.pid) for name, server in servers.items()}}

    def topic(self, name):
        return disk_bytes(*self.stage.broker.dir.rglob(f"{self.config.get('topic', 'prefix')}.{name}.v1-*"))

    def disk(self):
        """{what: bytes}"""
        tables = disk_bytes(*self.stage.server.dir.rglob(f"{self.database.name}/*.ibd"))
        return {"event.wechat": self.topic("event.wechat"), "state.member": self.topic("state.member"), "MySQL": tables,
                "Kafka, all": disk_bytes(self.stage.broker.dir), "MariaDB, all": disk_bytes(self.stage.server.dir)}

    def push(self):
        """A form of each card, pushed as WeChat does; until every row is there."""
        count = self.count
        pusher = Pusher(self.programs["ingress"].listen)

        def one(n):
            return pusher.secure(card_event("submit_membercard_user_info", code=f"{n:012}")).success

        def rows():
            return {table: self.database.query(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"] for table in TABLES}

        taken = sum(concurrently(one, range(count), threads=16))
        assert taken == count, f"{taken} of {count} pushes were taken"
        wanted = {table: each * count for table, each in TABLES.items()}
        wait_for(lambda: rows() == wanted, 60 + count / 100, lambda: f"{rows()} of {wanted}")


def print_memory(idle, busy):
    ours = [name for name in idle if name.startswith("kabao-")]
    rows = [[name, f"{idle[name]:.0f}", f"{busy[name]:.0f}"] for name in idle]
    rows.insert(len(ours), [f"all {len(ours)} of kabao", *(f"{sum(map(taken.get, ours)):.0f}" for taken in (idle, busy))])
    rows.append(["everything", *(f"{sum(taken.values()):.0f}" for taken in (idle, busy))])
    print_table(["memory", "idle, MB", "after the load, MB"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pushes", type=int, default=100000, help="each of a card never seen before")
    parser.add_argument("--quick", action="store_true", help="2,000 pushes")
    options = parser.parse_args()
    count = 2000 if options.quick else options.pushes
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kabao-bench.") as directory, bench.Stage(Path(directory)) as stage, \
            Machine(stage, count) as machine:
        idle, empty = machine.memory(), machine.disk()
        machine.push()
        busy, full = machine.memory(), machine.disk()
        print_memory(idle, busy)
        print_table(["disk", "empty, MB", f"after {count} pushes, MB", "a million pushes, GB"],
                    [[name, f"{empty[name] / 1e6:.0f}", f"{full[name] / 1e6:.0f}",
                      f"{(full[name] - empty[name]) / count * MILLION / 1e9:.2f}"] for name in empty])
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
