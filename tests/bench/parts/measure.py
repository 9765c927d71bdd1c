# SPDX-License-Identifier: Apache-2.0
"""What a process uses, and tables of it."""
import os
import re
from pathlib import Path


def cpu_ns(pid):
    """CPU time of all threads there are now. A thread's end takes its share away: measure while none ends."""
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0])
               for task in Path(f"/proc/{pid}/task").iterdir())


def tree_cpu_ns(pid):
    """The same for a process and all below it."""
    children = (task / "children" for task in Path(f"/proc/{pid}/task").iterdir())
    return cpu_ns(pid) + sum(tree_cpu_ns(int(child)) for file in children
                             for child in file.read_text(encoding="ascii").split())


def used_cpu_us(pid):
    """The same in steps of 10 ms, with the threads that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    children = (task / "children" for task in Path(f"/proc/{pid}/task").iterdir())
    return 10000 * (int(fields[11]) + int(fields[12])) + sum(used_cpu_us(int(child)) for file in children
                                                              for child in file.read_text(encoding="ascii").split())


def memory_mb(pid, kind="VmRSS"):
    """VmRSS: now; VmHWM: the most it ever was."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(rf"^{kind}:\s+(\d+) kB$", status, re.MULTILINE)[1]) / 1024


def pin(core):
    """This process and all it starts from now on stay on one core."""
    os.sched_setaffinity(0, {core})


def print_table(head, rows):
    """Rows of texts under a head, the first column to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                        for i, (text, width) in enumerate(zip(line, widths, strict=True))))
