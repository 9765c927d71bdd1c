# SPDX-License-Identifier: Apache-2.0
"""GET /v1/bindings/{scene}: the page beside a QR code hears what became of it, on every instance, whatever the order
of the records; and only its own."""
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from kit.api import TOPICS, Api, binding_record, later, write_clients
from kit.config import account
from kit.records import wechat_command, wechat_result
from kit.scale import count
from kit.waiting import concurrently, wait_for

ALL = {"token": "kbt_all_0123456789abcdef"}
BIND = {"token": "kbt_bind_0123456789abcdef", "accounts": "demo", "types": "bind.*"}
OTHER = {"token": "kbt_other_0123456789abcdef", "accounts": "other"}
OTHER_APPID = "wx1111111111111111"
OPENID = "oGRUFjk0a1b2c3d4e5f6g7h8i9j0"
LIFE_S = 24 * 3600


@pytest.fixture
def clients(tmp_path, config):
    """Two accounts and three clients; no topics yet."""
    return config.with_({
        "account other": account(tmp_path, "other", OTHER_APPID, "gh_111111111111"),
        "ingress": {"api_tokens_file": write_clients(
            tmp_path / "clients.ini", {"all": ALL, "bind": BIND, "other": OTHER}), "loops": 2},
    })


@pytest.fixture
def settings(clients, kafka):
    kafka.create(*TOPICS)
    return clients


class Page:
    """What a page does, and what the workers tell."""

    def __init__(self, ingress, kafka, client=ALL):
        self.api, self.kafka = Api(ingress.listen, client["token"]), kafka

    def ask(self, scene, prefer=None):
        return self.api.get(f"/v1/bindings/{scene}", Prefer=prefer)

    def wait_for_it(self, scene):
        """Its answer, and when it came."""
        while (answer := self.ask(scene, "wait=30")).status == 429:  # the seat is taken by who looks whether it is
            pass
        return answer, time.monotonic()

    def await_status(self, scene, status):
        return wait_for(lambda: (lambda a: a if a.status == status else None)(self.ask(scene)), 10,
                        lambda: f"{status}; {self.ask(scene)}")

    def tell(self, scene, kind, **fields):
        """The record's value."""
        record = binding_record(scene, kind, **fields)
        self.kafka.produce("event.binding", *record)
        return record[1]

    def start(self, seconds=600, kind="bind", **fields):
        """A scene that waits, and is known to."""
        scene = f"{kind}-{os.urandom(16).hex()}"
        self.tell(scene, "pending", expires_at=later(seconds), **fields)
        assert self.await_status(scene, 202).text == ""
        return scene

    def is_over(self, scene, reason, prefer=None):
        answer = self.ask(scene, prefer)
        assert answer.problem(410, "scene-over")["reason"] == reason
        return answer


@pytest.fixture
def page(settings, run, kafka):
    return Page(run("ingress", settings), kafka)


def test_the_waiting_page_hears_of_a_scan_within_a_second(settings, run, kafka):
    """On any instance; it waits when the record is written, for an instance that takes one request refuses others."""
    instances = [Page(run("ingress", settings.with_(ingress={"api_max_waiting": 1})), kafka) for _ in range(2)]
    took = []
    with ThreadPoolExecutor(1) as pool:
        for number in range(count(100, 10)):
            page = instances[number % 2]
            scene = page.start()
            waiting = pool.submit(page.wait_for_it, scene)
            wait_for(lambda page=page, scene=scene: page.ask(scene).status == 429, 10, "one that waits")
            page.tell(scene, "scanned", openid=OPENID, first_follow=True)
            value = page.tell(scene, "bound", openid=OPENID, user="user-1024")
            written = time.monotonic()
            answer, answered = waiting.result()
            assert (answer.status, answer.text, answer.headers["preference-applied"]) == (200, value, "wait=30")
            assert answer.headers["content-type"] == "application/json"
            took.append(round(answered - written, 3))
    print(f"seconds from a scan's record to its answer: {sorted(took)}")
    assert max(took) < 1


def test_what_it_answers(page):
    scene = page.start()
    waiting = page.ask(scene)
    assert (waiting.status, waiting.text, waiting.headers["retry-after"]) == (202, "", "1")
    waiting = page.ask(scene, "wait=1")
    assert (waiting.status, waiting.headers["preference-applied"]) == (202, "wait=1") and waiting.seconds >= 1
    assert page.api.ask("HEAD", f"/v1/bindings/{scene}").status == 202
    value = page.tell(scene, "bound", openid=OPENID)  # a login: the site learns the openid
    assert page.await_status(scene, 200).text == value
    # What comes later changes nothing, nor does what is told again.
    page.tell(scene, "refused", openid="another", reason="used")
    page.tell(scene, "unbound", openid=OPENID)
    page.tell(scene, "pending", expires_at=later(600))
    page.tell(mark := f"bind-{os.urandom(16).hex()}", "bound", openid=OPENID)
    page.await_status(mark, 200)
    assert page.ask(scene, "wait=5").text == value

    scene = page.start(kind="verify", user="u")
    value = page.tell(scene, "code_sent", openid=OPENID, purpose="login", expires_at=later(300))
    assert page.await_status(scene, 200).text == value

    for reason in ("expired", "rebind", "limit", "undelivered"):
        page.tell(scene := page.start(), "refused", openid=OPENID, reason=reason)
        page.await_status(scene, 410)
        page.is_over(scene, reason)
    # Said to whom comes second: what became of the first is still awaited.
    page.tell(scene := page.start(kind="verify"), "refused", openid="another", reason="used")
    page.tell(scene, "refused", openid="another", reason="unknown")
    assert page.ask(scene, "wait=1").status == 202
    # Nobody started these.
    for kind, more in (("scanned", {}), ("unbound", {}), ("refused", {"reason": "unknown"})):
        page.tell(f"poster-{kind}", kind, openid=OPENID, **more)
    page.tell(mark := f"bind-{os.urandom(16).hex()}", "bound", openid=OPENID)
    page.await_status(mark, 200)
    for kind in ("scanned", "unbound", "refused"):
        told = page.ask(f"poster-{kind}", "wait=5").problem(404, "not-found")
        assert page.kafka.name("event.binding") in told["detail"]


def test_a_wait_ends_when_the_scene_does(settings, run, kafka):
    """Refused, or lapsed; others that wait for less, for more and for as long are answered in time as well."""
    page = Page(run("ingress", settings.with_(ingress={"loops": 1})), kafka)
    with ThreadPoolExecutor(16) as pool:
        refused = page.start()
        waiting = pool.submit(page.is_over, refused, "rebind", "wait=30")
        page.tell(refused, "refused", openid=OPENID, reason="rebind")
        assert waiting.result().seconds < 10

        lapsing = {}  # scene -> from when on it has
        for n in range(6):
            ends = time.time() + 1.6 + 0.15 * n
            lapsing[page.start(1.6 + 0.15 * n)] = ends
        longer = page.start()
        waits = {scene: pool.submit(lambda s: (page.is_over(s, "expired", "wait=30"), time.time()), scene)
                 for scene in reversed(lapsing)}  # the last first
        timed = [pool.submit(page.ask, longer, f"wait={s}") for s in (2, 1, 2, 3)]
        for scene, waiting in waits.items():
            answer, answered = waiting.result()
            assert answer.seconds > 0.1, "it lapsed while it waited"
            assert 0 <= answered - lapsing[scene] < 0.4, (answered - lapsing[scene], answer.seconds)
        for seconds, waiting in zip((2, 1, 2, 3), timed):
            assert waiting.result().status == 202 and seconds <= waiting.result().seconds < seconds + 0.5
        for scene in lapsing:  # and stays so
            page.is_over(scene, "expired")
        # One who scanned in time may be told late.
        value = page.tell(scene, "bound", openid=OPENID)
        assert page.await_status(scene, 200).text == value


def test_a_stop_answers_who_waits(settings, run, kafka):
    ingress = run("ingress", settings.with_(ingress={"api_max_waiting": 1}))
    page = Page(ingress, kafka)
    scene = page.start()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(page.wait_for_it, scene)
        wait_for(lambda: page.ask(scene).status == 429, 10, "one that waits")
        begun = time.monotonic()
        ingress.signal(signal.SIGTERM)
        answer, answered = waiting.result()
    assert (answer.status, answered - begun < 4) == (202, True)
    ingress.await_stop()


def test_who_just_started_a_scene_may_ask_for_it(settings, run, kafka):
    """Nothing is in event.binding: the result of the command is enough, at the moment in which it is given."""
    page = Page(run("ingress", settings), kafka)
    with ThreadPoolExecutor(1) as pool:
        for kind in ("bind", "verify") * count(50, 5):
            scene = f"{kind}-{os.urandom(16).hex()}"
            command = wechat_command(f"{kind}.start", {"user": "user-1024"})
            kafka.produce("cmd.wechat", *command)
            path = command[2]["ce_id"]
            wait_for(lambda path=path: page.api.get(path).status == 202, 10, "a command that is known")
            waiting = pool.submit(lambda path=path, scene=scene: (page.api.get(path, Prefer="wait=30"), page.ask(scene)))
            answer = {"scene": scene, "ticket": "t", "url": "http://weixin.qq.com/q/x", "expires_at": later(2)}
            kafka.produce("result.wechat", *wechat_result(command, answer=answer))
            done, asked = waiting.result()
            assert (done.status, done.json["answer"], asked.status) == (200, answer, 202)
    assert not kafka.read("event.binding")
    page.await_status(scene, 410)
    page.is_over(scene, "expired")


def test_only_who_may_start_such_a_scene_may_ask_for_it(settings, run, kafka):
    ingress = run("ingress", settings)
    page, bind, other = (Page(ingress, kafka, client) for client in (ALL, BIND, OTHER))
    scene, code = page.start(), page.start(kind="verify")
    foreign = f"bind-{os.urandom(16).hex()}"
    value = page.tell(foreign, "bound", openid=OPENID, appid=OTHER_APPID, account="other")
    assert page.await_status(foreign, 200).text == value
    assert (bind.ask(scene).status, other.ask(foreign).text) == (202, value)
    assert bind.ask(code).problem(403, "forbidden")  # whether there is such a scene or not
    assert bind.ask("verify-" + "0" * 32).problem(403, "forbidden")
    for who, theirs in ((bind, foreign), (other, scene), (other, code), (page, "bind-" + "0" * 32)):
        assert who.ask(theirs, "wait=5").problem(404, "not-found")
    # One name in two accounts: to each its own.
    mine = page.tell("user-17", "bound", openid=OPENID)
    theirs = page.tell("user-17", "bound", openid="o2", appid=OTHER_APPID, account="other")
    wait_for(lambda: (bind.ask("user-17").text, other.ask("user-17").text) == (mine, theirs), 10, "both")
    # A stranger's account.
    page.tell("user-18", "bound", openid=OPENID, appid="wx2222222222222222")
    page.tell("user-19", "bound", openid=OPENID)
    page.await_status("user-19", 200)
    page.ask("user-18").problem(404, "not-found")

    Page(ingress, kafka, {"token": None}).ask(scene).problem(401, "unauthorized")
    Page(ingress, kafka, {"token": "wrong"}).ask(scene).problem(401, "unauthorized")
    for method in ("POST", "PUT", "DELETE"):
        reply = page.api.ask(method, f"/v1/bindings/{scene}")
        assert reply.problem(405, "method") and reply.headers["allow"] == "GET, HEAD"
    for path in ("/v1/bindings", "/v1/bindings/", f"/v1/bindings/{scene}/x", "/v1/bindings/a%2Fb", "/v1/bindings/%00"):
        page.api.get(path).problem(404, "not-found")
    page.ask("s" * 300).problem(404, "not-found")
    page.tell("用户 17", "bound", openid=OPENID)
    page.await_status("%E7%94%A8%E6%88%B7%2017", 200)


def test_a_start_reads_back_a_day(settings, run, kafka):
    now_ms = int(time.time() * 1000)
    told = {}
    for name, age_s in (("old", LIFE_S + 3600), ("young", LIFE_S - 120)):
        for kind in ("pending", "bound"):
            record = binding_record(f"bind-{name}-{kind}", kind, openid=OPENID, expires_at=later(100))
            kafka.produce("event.binding", *record, partition=0, timestamp_ms=now_ms - age_s * 1000)
            told[f"bind-{name}-{kind}"] = record[1]
    page = Page(run("ingress", settings), kafka)
    found = {scene: page.ask(scene) for scene in told}
    assert {scene: answer.status for scene, answer in found.items()} == {
        "bind-old-pending": 404, "bind-old-bound": 404, "bind-young-pending": 202, "bind-young-bound": 200}
    assert found["bind-young-bound"].text == told["bind-young-bound"]


def test_until_the_topic_was_read_scenes_wait_and_commands_do_not(clients, run, kafka):
    kafka.create(*(topic for topic in TOPICS if topic != "event.binding"))
    ingress = run("ingress", clients, ready=False)
    page = Page(ingress, kafka)
    wait_for(lambda: [line for line in ingress.log_lines("api.feed_waits") if line["feed"] == "kabao-ingress-bindings"],
             20, "a waiting feed")
    wait_for(lambda: ingress.log_lines("api.filled"), 20, "commands that were read")
    assert page.api.command("card.get", {"card_id": "p"}, account="demo").status == 202
    page.ask("bind-1", "wait=5").problem(503, "refilling")
    assert ingress.probe("/readyz") == 503
    kafka.create("event.binding")
    ingress.wait_ready()
    page.ask("bind-1").problem(404, "not-found")


def test_many_pages_each_hear_of_their_own(settings, run, kafka):
    """As many scenes as connections allow, half of them scanned before the page asks."""
    many = count(1000, 100)
    ingress = run("ingress", settings)
    page = Page(ingress, kafka)
    scenes = [f"bind-{os.urandom(16).hex()}" for _ in range(many)]
    for scene in scenes:
        page.tell(scene, "pending", expires_at=later(600))
    page.await_status(scenes[-1], 202)
    wait_for(lambda: 404 not in {page.ask(scene).status for scene in scenes}, 30, "all scenes")
    with ThreadPoolExecutor(32) as pool:
        for scene in scenes[::2]:
            page.tell(scene, "bound", openid=f"o-{scene}")
        waiting = [pool.submit(page.ask, scene, "wait=60") for scene in scenes]
        for scene in scenes[1::2]:
            page.tell(scene, "bound", openid=f"o-{scene}")
        answers = [w.result() for w in waiting]
    assert {a.status for a in answers} == {200}
    assert [(json.loads(a.text)["scene"], json.loads(a.text)["openid"]) for a in answers] == [(s, f"o-{s}") for s in scenes]
    again = Page(run("ingress", settings), kafka)
    assert concurrently(lambda scene: again.ask(scene).text, scenes, 8) == [a.text for a in answers]
