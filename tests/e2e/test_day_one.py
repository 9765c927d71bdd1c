# SPDX-License-Identifier: Apache-2.0
"""Day one, whole: an account with members, menu, auto-replies and an old system comes to kabao in an afternoon, while its
shops are open. The old system misses nothing until it is switched off, no member is missed, and nobody is told anything."""
import itertools
import json
import random
import subprocess
import time
from datetime import UTC, datetime

import pytest
from kit.config import APPID, ORIGINAL_ID, SECRETS, write_secret
from kit.console import Console
from kit.hub import Hub
from kit.merchant import ANSWER, KEYWORD, MENU, OWN_CODES, UPDATE, Life, Merchant, follows, openid, platform, population
from kit.oldsystem import oldsystem  # noqa: F401 (a fixture)
from kit.probe import QUICK_GROUP
from kit.process import Process, free_port
from kit.program import BIN, clean_env, run_tool
from kit.records import bonus_command
from kit.scale import count
from kit.waiting import wait_for
from kit.web import request

MEMBERS = count(5000, 600)
USERINFO, CARDS = "/card/membercard/userinfo/get", "/card/user/getcardlist"
PER_MINUTE = 2400  # of USERINFO
ASKED_PER_MINUTE = 6000  # of CARDS; an import takes its replay_share, 20 a second
WORKERS = ("token", "member", "store", "bonus", "command", "forward")


def now():
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Settings:
    """kabao.ini as a person edits it."""

    def __init__(self, path, text):
        self.path = path
        path.write_text(text, encoding="utf-8")

    def put(self, section, **keys):
        """Takes these keys out of the section, and writes those that have a value under its head."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        begin = lines.index(f"[{section}]")
        end = next((n for n in range(begin + 1, len(lines)) if lines[n].startswith("[")), len(lines))
        kept = [line for line in lines[begin + 1:end] if line.partition(" = ")[0] not in keys]
        new = [f"{key} = {value}" for key, value in keys.items() if value is not None]
        self.path.write_text("\n".join([*lines[:begin + 1], *new, *kept, *lines[end:], ""]), encoding="utf-8")


class Story:
    def __init__(self, directory, sim, old, hub, kafka, db, run, rng):
        self.directory, self.sim, self.old, self.hub = directory, sim, old, hub
        self.kafka, self.db, self._run, self.rng = kafka, db, run, rng
        self.people = MEMBERS // 2
        self.console = Console(sim, rng)
        self.merchant = Merchant(sim, old, population(self.people), self.hub_token)
        self.settings = self.life = None
        self.serial = itertools.count(1)
        self.programs = {}
        self.port = free_port()

    # Who gets a token where

    def hub_token(self):
        reply = request(("127.0.0.1", self.hub.server.server_port), "GET", "/token", headers={"Authorization": "Bearer hub"})
        return json.loads(reply.body)["access_token"]

    def our_token(self):
        reply = request(("127.0.0.1", self.port), "GET", "/v1/accounts/demo/access-token",
                        headers={"Authorization": f"Bearer {self.api_token}"})
        assert reply.status == 200, reply
        return json.loads(reply.body)["access_token"]

    # Hands

    def ctl(self, *words, exit_code=0, **more):
        done = run_tool("kabaoctl", *words, "--config", self.settings.path, **more)
        assert done.returncode == exit_code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def start(self, *names):
        for name in names:
            self.programs[name] = self._run(name, self.settings.path, ready=False)
        for name in names:
            self.programs[name].wait_ready(60)

    def restart(self, *names):
        for name in names:
            self.programs[name].stop()
        self.start(*names)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/wechat/demo"

    def lives(self, kept=()):
        self.life = Life(self.sim, self.merchant, self.rng.random(), self.serial, kept)
        self.life.start()

    def rests(self):
        """The shops close for a moment: everything that has happened is done with."""
        self.life.stop()
        self.console.settle()
        for worker, topic in (("member", "event.wechat"), ("bonus", "event.wechat"), ("store", "event.wechat"),
                              ("store", "state.member")):
            self.kafka.wait_done(worker, topic, 60)

    # What must be true

    def members_stand(self):
        """Everybody who has a card stands there once, with what it shows; so does the account of who is active. Cards that
        were thrown away before nobody can know."""
        rows = {(row["card_id"], row["card_code"]): row for row in self.db.query("SELECT * FROM member")}
        books = {(row["card_id"], row["card_code"]): row for row in self.db.query("SELECT * FROM bonus_account")}
        cards = {(card["card_id"], card["code"]): card for card in self.sim.cards()}
        missed = [key for key, card in cards.items() if key not in rows and card["status"] != "DELETE"]
        assert not missed
        assert not set(rows) - set(cards)
        for key, row in rows.items():
            card = cards[key]
            assert (row["openid"], row["bonus"], row["status"]) == (card["openid"], card["bonus"], card["status"]), row
            if card["status"] != "NORMAL":
                continue
            assert (key in books) == card["has_active"], key
            if key in books:
                account = books[key]
                assert [account[name] for name in ("bonus", "shown", "frozen")] == [card["bonus"], card["bonus"], 0], account

    def nobody_was_told(self, notices=0):
        """No card was activated, and none changed but by the old system and by the CRM's commands."""
        effects = self.sim.control("effects")["effects"]
        assert [sum(effect[name] for effect in effects) for name in ("activations", "notices", "updates")] == [
            0, notices, self.merchant.updates + notices]
        assert self.sim.control("messages")["messages"] == []

    def quota_was_kept(self):
        """WeChat never had to say so, and of no ten seconds were too many of ours."""
        assert not [call for call in self.sim.requests() if call["errcode"] in (45009, 45011)]
        times = [datetime.fromisoformat(call["time"].replace("Z", "+00:00")).timestamp()
                 for call in self.sim.requests(path=USERINFO)]
        most = max(sum(begin <= time < begin + 10 for time in times[n:n + PER_MINUTE]) for n, begin in enumerate(times))
        assert most <= PER_MINUTE / 60 * 11, most

    def the_old_system_missed_nothing(self):
        """It has every push, each card's in their order, once each where they came again; so its books are right."""
        self.kafka.wait_done("forward", "event.wechat", 60)
        sent = {}
        for push in self.sim.pushes():
            fields = {name: str(value) for name, value in push["fields"].items()}
            sent.setdefault((fields.get("CardId"), fields.get("UserCardCode")), []).append(fields)
        told = self.merchant.told()
        assert sent.keys() == told.keys()
        for key, pushes in sent.items():
            assert told[key] == pushes, key
        shown = {(card["card_id"], card["code"]): card["bonus"] for card in self.sim.cards() if card["status"] == "NORMAL"}
        assert {key: book["points"] for key, book in self.merchant.books().items()} == shown

    # Chapters

    def years_before(self):
        self.console.save(self.old.url)
        self.lives()
        self.old.wait(5)

    def setup(self, text):
        """The section of the account comes from a few answers; the rest of the file is the merchant's."""
        self.settings = Settings(self.directory / "kabao.ini", text)
        answers = {"appid": APPID, "secret": SECRETS["secret"], "original_id": ORIGINAL_ID, "url": "https://card.example.com",
                   "token": SECRETS["callback_token"], "aes_key": SECRETS["aes_key"]}
        told = self.ctl("setup", "demo", "--yes", text="".join(f"{key} = {value}\n" for key, value in answers.items()))
        assert "https://card.example.com/wechat/demo" in told.stdout
        self.settings.put("ingress", listen=f"127.0.0.1:{self.port}", api_tokens_file=self.directory / "api.tokens")
        self.settings.put("account demo", token_source="url", token_url=self.hub.url, forward_url=self.old.url,
                          token_url_bearer_file=write_secret(self.directory / "hub.bearer", "hub"))
        self.api_token = self.ctl("api-token", "new", "old", "--access-token", "--yes").stdout.split()[-1]
        self.ctl("topics", "apply", "--yes")
        self.ctl("migrate", "--yes")
        self.start("ingress", *WORKERS)

    def all_is_well(self, *skipped):
        """check --live; the one thing to note are the merchant's own codes."""
        rows = json.loads(self.ctl("check", "--live", "--json", "--export", self.directory).stdout)
        others = {row["what"]: row["state"] for row in rows if row["state"] != "OK"}
        assert others == {f"demo card {OWN_CODES}": "NOTE", **dict.fromkeys(skipped, "SKIP")}, rows

    def check(self):
        """What the console had is in files, and the keyword will be answered."""
        self.all_is_well("demo address", "demo secret")  # the hub's token says nothing of them
        files = self.directory / "kabao-console-demo"
        assert json.loads((files / "menu.json").read_text(encoding="utf-8")) == MENU
        self.settings.put("account demo", autoreply_file=files / "rules.json")
        self.restart("ingress")

    def the_url_moves(self):
        """The first push is seen to its row; a keyword is answered, and the menu is back."""
        argv = [BIN / "kabaoctl", "check", "--live", "--json", "--wait", "60", "--export", self.directory, "--config", self.settings.path]
        waiting = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_env())
        said = waiting.stderr.readline()
        assert "for a push" in said, said
        self.console.save(self.url)
        output, _ = waiting.communicate(timeout=90)
        last = json.loads(output)[-1]
        assert (last["what"], last["state"]) == ("demo push", "OK") and "in its rows" in last["detail"], last
        chance = random.Random(self.rng.random())
        self.old.on(lambda _: chance.random() < 0.05, status=503)  # as it always did, now and then
        self.sim.control("say", {"appid": APPID, "openid": openid(1), "type": "text", "text": f"我的{KEYWORD}"})
        wait_for(lambda: self.sim.control(f"replies?openid={openid(1)}")["replies"], 20, "a reply")
        replies = self.sim.control("replies")
        assert [reply["content"] for reply in replies["replies"] if reply["openid"] == openid(1)][-1] == ANSWER
        assert replies["bad"] == 0
        self.ctl("menu", "put", self.directory / "kabao-console-demo" / "menu.json", "--yes")
        assert self.sim.control("totals")["totals"][APPID]["menus_created"] == 1

    def import_followers(self):
        """Killed at random; meanwhile the old system goes away for a moment, and kabao-forward dies."""
        plan = json.loads(self.ctl("import", "plan", "--json", "--from", "followers").stdout)
        assert plan["followers"] >= sum(follows(n) for n in range(self.people))
        log = self.directory / "import.log"
        argv = [BIN / "kabaoctl", "import", "run", "--yes", "--json", "--from", "followers", "--config", self.settings.path]
        for n in range(count(12, 5)):
            running = Process(argv, log, clean_env()).start()
            time.sleep(self.rng.uniform(0.3, count(6, 1.5)))  # a point by chance
            assert running.running, f"the quota keeps it longer than that: {running.log_text()}"
            running.kill()
            if n == 0:
                self.old.stop()
            elif n == 1:
                self.old.start()
            elif n == 3:
                self.programs["forward"].kill()
                self.start("forward")
        done = self.ctl("import", "run", "--yes", "--json", "--from", "followers", timeout=count(900, 150))
        report = json.loads(done.stdout)
        assert report["finished"] and report["people_asked"] >= plan["followers"], report
        assert [report[name] for name in ("failed", "waiting", "people_failed", "people_waiting")] == [0] * 4, report
        assert report["cannot_be_found"] == "members who do not follow the account"
        assert "goes on" in log.read_text(encoding="utf-8")
        asked = [call["body"]["openid"] for call in self.sim.requests(path=CARDS)]
        assert len(asked) == len(set(asked)) == report["people_asked"], "where it was: nobody is asked for again"

    def import_the_others(self):
        """The old system's list of those whom nobody can ask WeChat for."""
        books = self.merchant.books()
        others = [key for key in books if not follows(int(books[key]["openid"].removeprefix("oPerson")))]
        path = self.merchant.write(self.directory / "others.csv", others)
        report = json.loads(self.ctl("import", "run", "--yes", "--json", "--from", path, timeout=count(900, 150)).stdout)
        assert report["finished"] and report["found"] == report["imported"] + report["gone"] == len(others), report
        self.rests()
        self.members_stand()
        self.nobody_was_told()
        self.quota_was_kept()

    def compare(self):
        """The two agree about everybody; and where they do not, the member is named."""
        path = self.merchant.write(self.directory / "all.csv")
        self.ctl("compare", "--csv", path)
        code = next(key[1] for key in self.merchant.books())
        wrong = self.merchant.write(self.directory / "wrong.csv", **{code: "oSomebodyElse"})
        assert code in self.ctl("compare", "--csv", wrong, "--reveal", exit_code=78).stdout

    def cut_over(self):
        """The old system gets no more; points come through us; it has its token from us."""
        self.settings.put("account demo", forward_url=None, token_source=None, token_url=None, token_url_bearer_file=None)
        self.restart("token", "forward")
        self.old.forget()
        self.cut_over_at = now()
        self.all_is_well()
        self.merchant.token = self.our_token
        seen = len(self.old.all())
        keys = [key for key in self.merchant.books() if key in self.merchant.had]
        chosen = self.rng.sample(keys, 20)
        self.lives(chosen)
        self.commands = [bonus_command(key[1], "add", card_id=key[0], add_bonus=10**9) for key in chosen]
        self.kafka.produce_many("cmd.bonus", self.commands)
        self.results(len(self.commands))
        self.rests()
        self.kafka.wait_done("forward", "event.wechat", 60)
        assert len(self.old.all()) == seen
        assert {self.sim.card(key[1], key[0])["bonus"] // 10**9 for key in chosen} == {1}
        self.members_stand()
        self.nobody_was_told(len(self.commands))

    def results(self, number):
        def applied(records):
            return len({r.json["command_id"] for r in records if r.json["outcome"] == "applied"}) >= number
        self.kafka.wait("result.bonus", applied, 60, "points")

    def roll_back(self):
        """The old system gets what it missed; then the console's address is its own again, and we see nothing."""
        self.settings.put("account demo", forward_url=self.old.url)
        self.restart("forward")
        self.ctl("replay", "run", "forward", "--from", self.cut_over_at, "--to", now(), "--yes")
        self.kafka.wait_done("forward", "redrive.forward", 60)
        self.the_old_system_missed_nothing()
        ends, last = self.kafka.ends("event.wechat"), self.sim.last_push()
        self.console.save(self.old.url)
        self.lives()
        self.old.wait(len(self.old.of()) + 10)
        self.life.stop()
        self.sim.receive(openid="oCameMeanwhile")
        card_id, code = self.rng.choice(list(self.merchant.books()))
        self.sim.delete(code, card_id)
        self.console.settle()
        self.the_old_system_missed_nothing()
        assert self.kafka.ends("event.wechat") == ends
        changed = {(push["card_id"], push["code"]) for push in self.sim.pushes(last, event="update_member_card")}
        self.changed = changed & set(self.merchant.books())

    def and_come_again(self):
        """Whoever came and went meanwhile is found by the comparison, points agree at the next push, and what the CRM sends
        again is not done again: nothing happened twice to a member."""
        self.console.save(self.url)
        path = self.merchant.write(self.directory / "all.csv")
        self.ctl("compare", "--csv", path, exit_code=78)
        self.ctl("import", "run", "--yes", "--from", self.merchant.write(self.directory / "news.csv", self.news()))
        self.kafka.wait_done("store", "state.member", 60)
        self.ctl("compare", "--csv", path)
        self.kafka.produce_many("cmd.bonus", self.commands)
        for card_id, code in self.changed:
            self.sim.foreign(code, bonus=next(self.serial), card_id=card_id)
        self.lives()
        self.old.wait(len(self.old.of()) + 5)
        self.rests()
        self.kafka.wait_done("bonus", "cmd.bonus", 60)
        self.the_old_system_missed_nothing()
        self.members_stand()
        self.nobody_was_told(len(self.commands))
        self.quota_was_kept()
        assert [topic for topic in self.kafka.topics() if topic.startswith("dlq.") and self.kafka.read(topic)] == []

    def news(self):
        """Cards that only one of the two knows as a member's."""
        ours = self.db.query("SELECT card_id, card_code FROM member WHERE status = 'NORMAL'")
        return set(self.merchant.books()) ^ {(row["card_id"], row["card_code"]) for row in ours}


@pytest.fixture
def story(tmp_path, config, run, start_sim, oldsystem, kafka, db, rng):  # noqa: F811
    quota = {USERINFO: {"per_minute": PER_MINUTE}, CARDS: {"per_minute": ASKED_PER_MINUTE}, UPDATE: {"per_minute": 6000}}
    sim = start_sim(platform(MEMBERS // 2, quota))
    with Hub(sim, APPID, SECRETS["secret"], "hub") as hub:
        story = Story(tmp_path, sim, oldsystem(), hub, kafka, db, run, rng)
        own = config.with_({"account demo": None, "token": None}, wechat={"base_url": sim.url}, ingress={}, kafka=QUICK_GROUP,
                           worker={"lanes": 64}, quota={USERINFO: f"{PER_MINUTE}/min", CARDS: f"{ASKED_PER_MINUTE}/min", UPDATE: "600/min"})
        story.text = own.text()
        yield story
        story.console.close()


@pytest.mark.deadline(300)
def test_an_account_with_a_past_comes_to_kabao_and_could_go_back(story):
    story.years_before()
    story.setup(story.text)
    story.check()
    story.the_url_moves()
    story.import_followers()
    story.import_the_others()
    story.the_old_system_missed_nothing()
    story.compare()
    story.cut_over()
    story.roll_back()
    story.and_come_again()
