# SPDX-License-Identifier: Apache-2.0
"""kabao-wxsim serve: the simulator of api.weixin.qq.com, scripted faults in, request log out."""
import json
import socket
import urllib.parse
from pathlib import Path

from kit.config import APPID, CARD_ID
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
        self.accounts_path = accounts_path = directory / "wxsim.accounts.json"
        self.relays = []
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

    def card(self, code, card_id=CARD_ID, appid=APPID):
        """One card as the platform keeps it, with what was done to it: activations, updates, notices (tests/wxsim/
        README.md)."""
        (card,) = (c for c in self.cards(code=code) if (c["appid"], c["card_id"]) == (appid, card_id))
        return card

    def cards(self, **match):
        """match: appid, card_id, code; all cards without."""
        return self.control("cards" + _query(match))["cards"]

    def effects(self, **match):
        """{code: effects} (activations, membership_number, updates, notices, add_bonus_shown, bonus, ...)."""
        return {effect["code"]: effect for effect in self.control("effects" + _query(match))["effects"]}

    def pushes(self, after=0, **match):
        """What WeChat would have pushed since push number `after`, oldest first: {n, event, appid, card_id, code,
        openid, fields}; fields fit Pusher.send. match: event="update_member_card", code=..."""
        found = self.control(f"pushes?after={after}")["pushes"]
        return [push for push in found if all(push.get(k) == v for k, v in match.items())]

    def wait_pushes(self, count=1, after=0, timeout=30, **match):
        wait_for(lambda: len(self.pushes(after, **match)) >= count, timeout,
                 lambda: f"{count} pushes {match}; all: {self.pushes(after)[-5:]}")
        return self.pushes(after, **match)

    def last_push(self):
        """The number of the last push, for `after`; 0 before the first."""
        return self.control("pushes?limit=0")["last"]

    def deliver(self, pusher, pushes=None, after=0):
        """Sends these pushes (default: all since `after`) in the order given; each must be accepted. Returns the number
        of the last one recorded before."""
        last = self.last_push()
        for push in self.pushes(after) if pushes is None else pushes:
            reply = pusher.send(push["fields"])
            assert reply.success, f"push {push['n']} {push['event']}: {reply.status} {reply.body}"
        return last

    def relay(self, url, *more):
        """A process that sends every push from now on to the callback URL as it comes, up to three times each; more:
        options of `kabao-wxsim push relay`. It ends with the simulator."""
        argv = [BIN / "kabao-wxsim", "push", "relay", "--from", self.url, "--to", url, "--accounts", self.accounts_path,
                "--after", self.last_push(), "--retry", *more]
        self.relays.append(Process(argv, self.log_path.with_suffix(f".relay{len(self.relays)}"), clean_env()).start())
        return self.relays[-1]

    def kill(self):
        for relay in self.relays:
            relay.kill()
        super().kill()

    def check_log(self, secrets=()):
        for process in self.relays:
            process.check_log(secrets)
        super().check_log(secrets)

    def receive(self, code=None, openid=None, card_id=CARD_ID, appid=APPID, **more):
        """A user receives a card; one that he deleted comes back as it was, with restore=False empty and inactive.
        The code (WeChat allots one when none is given)."""
        body = {"appid": appid, "card_id": card_id, "code": code, "openid": openid, **more}
        return self.control("receive", _given(body))["code"]

    def gift(self, code, friend=None, new_code=None, step=None, card_id=CARD_ID, appid=APPID):
        """The card goes to a friend under a new code, which is returned. step: only "offer", "accept", "return"."""
        body = {"appid": appid, "card_id": card_id, "code": code, "friend": friend, "new_code": new_code, "step": step}
        return self.control("gift", _given(body)).get("code")

    def delete(self, code, card_id=CARD_ID, appid=APPID, **more):
        """The user deletes the card (status=..., forget=True as POST /sim/members/delete has them)."""
        self.control("members/delete", {"appid": appid, "card_id": card_id, "code": code, **more})

    def submit(self, code, form=None, card_id=CARD_ID, appid=APPID, **more):
        """A user submits the activation form: {"activate_ticket", "encrypt_code"}. custom_form=[...], ttl_s=N;
        active=True: one-tap, WeChat activates and there is no ticket."""
        return self.control("submit", {"appid": appid, "card_id": card_id, "code": code, **_given({"form": form}), **more})

    def encrypt(self, code, card_id=CARD_ID, appid=APPID):
        """An encrypt_code as WeChat puts it on the activate_url."""
        return self.control("encrypt", {"appid": appid, "card_id": card_id, "code": code})["encrypt_code"]

    def foreign(self, code, bonus=0, balance=0, card_id=CARD_ID, appid=APPID):
        """Somebody else changes points (and money) by so much."""
        self.control("foreign", {"appid": appid, "card_id": card_id, "code": code, "bonus": bonus, "balance": balance})

    def template(self, card_id=CARD_ID, appid=APPID, **values):
        """use_custom_code, bonus_limit, balance_limit of a card."""
        self.control("templates", {"appid": appid, "card_id": card_id, **values})


def _given(values):
    return {name: value for name, value in values.items() if value is not None}


def _query(match):
    return "?" + urllib.parse.urlencode(match) if match else ""
