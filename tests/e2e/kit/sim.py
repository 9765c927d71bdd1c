# SPDX-License-Identifier: Apache-2.0
"""kabao-wxsim serve: the simulator of api.weixin.qq.com, scripted faults in, request log out."""
import json
import socket
from pathlib import Path

from kit.process import Process, free_port
from kit.program import BIN, clean_env
from kit.waiting import wait_for
from kit.web import request


class Sim(Process):
    """accounts and script are written as JSON in the form tests/wxsim/README.md describes."""

    def __init__(self, directory, accounts, script=None):
        directory = Path(directory)
        self.port = free_port()
        self.requests_path = directory / "wxsim.requests"
        accounts_path = directory / "wxsim.accounts.json"
        accounts_path.write_text(json.dumps(accounts), encoding="utf-8")
        argv = [BIN / "kabao-wxsim", "serve", "--listen", f"127.0.0.1:{self.port}", "--accounts", accounts_path,
                "--log", self.requests_path]
        if script is not None:
            script_path = directory / "wxsim.script.json"
            script_path.write_text(json.dumps(script), encoding="utf-8")
            argv += ["--script", script_path]
        super().__init__(argv, directory / "wxsim.log", clean_env())

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, timeout=15):
        super().start()
        wait_for(self._answers, timeout, lambda: f"kabao-wxsim answers; log:\n{self.log_text()[-2000:]}")
        return self

    def _answers(self):
        assert self.running, f"kabao-wxsim ended with {self.child.returncode}:\n{self.log_text()[-2000:]}"
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def requests(self, **match):
        """The request log as dicts, in order; those whose entries equal what is given (path="/cgi-bin/stable_token").
        A line still being written is left for the next call."""
        if not self.requests_path.exists():
            return []
        lines = self.requests_path.read_text(encoding="utf-8").split("\n")[:-1]
        found = [json.loads(line) for line in lines]
        return [entry for entry in found if all(entry.get(k) == v for k, v in match.items())]

    def wait_requests(self, count=1, timeout=30, **match):
        wait_for(lambda: len(self.requests(**match)) >= count, timeout,
                 lambda: f"{count} requests {match}; all: {self.requests()[-5:]}")
        return self.requests(**match)

    def control(self, path, body=None):
        """The simulator's own switches: POST /sim/PATH with a body, GET without one; the answer as JSON."""
        method = "GET" if body is None else "POST"
        reply = request(("127.0.0.1", self.port), method, f"/sim/{path}", None if body is None else json.dumps(body))
        assert reply.status == 200, f"/sim/{path}: {reply.status} {reply.body}"
        return json.loads(reply.body)

    def fetches(self, appid, kind):
        """How often a token was asked for (fetches) and how often a new one was given (fresh)."""
        return self.control("counters")["tokens"][appid][kind]
