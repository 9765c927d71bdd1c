# SPDX-License-Identifier: Apache-2.0
"""The load generators: wrk as fast as answers come, h2load at a fixed rate."""
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

LUA = Path(__file__).with_name("push.lua")
WARM_UP_US = 500_000  # of a fixed rate: connections are being opened
CLIENT_RATE = 50  # requests per second of one of h2load's clients: its clock ticks in 10 ms
PROCESSES = 4  # of h2load, which sends one body only


@dataclass(frozen=True)
class Load:
    answers: int
    errors: int
    rate: float  # answers per second
    p50_ms: float
    p99_ms: float


def wrk(url, requests, connections, seconds, headers=("Content-Type: text/xml",)):
    """One thread with so many connections, each with one request under way at any time."""
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "5s", "-s", LUA, url, "--",
                           requests, *headers], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    answers, duration, p50, p99, errors = map(float, line.split()[1:])
    return Load(int(answers), int(errors), answers / (duration / 1e6), p50 / 1000, p99 / 1000)


def h2load(url, requests, rate, seconds, directory):
    """So many requests per second, on connections that begin one after the other, so that they do not fire together.
    The percentiles are those of h2load's own log, which has when each request left and how long its answer took."""
    lines = Path(requests).read_text(encoding="utf-8").splitlines()
    clients = max(1, rate // PROCESSES // CLIENT_RATE)
    count = round(clients * CLIENT_RATE * seconds)
    running = []
    for n in range(PROCESSES):
        target, body = lines[2 * n:2 * n + 2]
        log, data = Path(directory) / f"h2load{n}.log", Path(directory) / f"h2load{n}.body"
        log.unlink(missing_ok=True)
        data.write_text(body, encoding="utf-8")
        argv = ["h2load", "--h1", f"-c{clients}", f"-r{max(1, clients // (1000 // CLIENT_RATE))}", "--rate-period=1ms",
                "--rps", CLIENT_RATE, "-n", count, "-d", data, "-H", "Content-Type: text/xml", "--log-file", log,
                url + target]
        running.append((subprocess.Popen([os.fspath(a) if isinstance(a, Path) else str(a) for a in argv],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL), log))
    for process, _ in running:
        assert process.wait() == 0, "h2load failed"
    return _judge([tuple(map(int, line.split())) for _, log in running for line in log.open(encoding="ascii")],
                  PROCESSES * count)


def _judge(entries, sent):
    """entries: (when it left in us, status, us to the answer)"""
    good = [entry for entry in entries if entry[1] == 200]
    begin = min(entry[0] for entry in entries) + WARM_UP_US
    steady = [entry for entry in good if entry[0] >= begin]
    took = sorted(entry[2] for entry in steady)
    span = (max(entry[0] for entry in steady) - begin) / 1e6
    return Load(len(entries), sent - len(good), len(steady) / span, took[len(took) // 2] / 1000,
                took[len(took) * 99 // 100] / 1000)
