# SPDX-License-Identifier: Apache-2.0
"""The same requests over and over, on three instances that are killed and started anew: one effect for each key."""
import http.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from kit.api import Api, write_clients
from kit.config import CARD_ID
from kit.population import accounts, member
from kit.scale import count
from kit.waiting import concurrently, wait_for

TOKEN = "kbt_all_0123456789abcdef"
SEND = "/cgi-bin/message/custom/send"
CARDS = [f"{n:012}" for n in range(1, 9)]
SHOWN = 460  # on each card at first
INSTANCES = 3
TIMES = 20  # each request is made
KEYS = count(20000, 400) // TIMES
ROUNDS = count(40, 4)  # in each an instance comes to its end


class Client:
    """Request n is a message or a point for a card; its key is n's."""

    def __init__(self, ingresses):
        self.ingresses = ingresses  # replaced in place
        self.seen = Counter()

    def ask(self, n, instance, prefer=None):
        """Its answer; None where the instance was not there, or did not take it."""
        api = Api(self.ingresses[instance].listen, TOKEN)
        try:
            if n % 2:
                body = {"touser": "oGRUFjk0a1b2c3d4e5f6g7h8i9j0", "msgtype": "text", "text": {"content": f"n{n}"}}
                answer = api.command("message.custom", body, f"n{n}", prefer)
            else:
                answer = api.post("bonus", {"card_id": CARD_ID, "card_code": card_of(n), "mode": "add", "add_bonus": 1,
                                            "notify": True}, f"n{n}", prefer)
        except (OSError, http.client.HTTPException):
            self.seen["none"] += 1
            return None
        self.seen[answer.status] += 1
        assert answer.status in (200, 202, 409, 503), answer
        return answer

    def result(self, n):
        """What became of it, from any instance."""
        answer = wait_for(lambda: (lambda a: a if a and a.status == 200 else None)(
            self.ask(n, n % INSTANCES, "wait=30")), 60, f"the result of {n}")
        return answer.json


def card_of(n):
    return CARDS[n // 2 % len(CARDS)]


@pytest.mark.deadline(180)
def test_one_effect_for_each_key(apply, config, run, start_sim, kafka, tmp_path, rng):
    sim = start_sim(accounts(*(member(code) for code in CARDS)), [{"path": SEND, "do": {"errcode": 0}}])
    settings = config.with_(wechat={"base_url": sim.url}, ingress={
        "api_tokens_file": write_clients(tmp_path / "clients.ini", {"shop": {"token": TOKEN}})})
    apply(settings)
    for name in ("token", "command", "bonus"):
        run(name, settings)
    ingresses = [run("ingress", settings) for _ in range(INSTANCES)]
    client = Client(ingresses)
    requests = [(n, rng.randrange(INSTANCES)) for n in range(KEYS) for _ in range(TIMES - 1)]
    rng.shuffle(requests)
    size = -(-len(requests) // ROUNDS)
    with ThreadPoolExecutor(12) as pool:
        for turn in range(ROUNDS):
            asked = [pool.submit(client.ask, *request) for request in requests[turn * size:(turn + 1) * size]]
            wait(asked[:size // 3])
            gone = rng.randrange(INSTANCES)
            (ingresses[gone].stop if turn % 2 else ingresses[gone].kill)()
            ingresses[gone] = run("ingress", settings)
            for future in asked:
                future.result()
    results = concurrently(client.result, range(KEYS), 8)
    assert [r["outcome"] for r in results] == ["applied", "done"] * (KEYS // 2)
    assert len({r["command_id"] for r in results}) == KEYS
    assert client.seen[202] and client.seen[200] >= KEYS, client.seen
    for worker, topic in (("command", "cmd.wechat"), ("bonus", "cmd.bonus")):
        kafka.wait_done(worker, topic, count(600, 60))  # also of what came twice
    sent = Counter(entry["body"]["text"]["content"] for entry in sim.requests(path=SEND))
    assert sent == {f"n{n}": 1 for n in range(1, KEYS, 2)}
    points = Counter(card_of(n) for n in range(0, KEYS, 2))
    for code, effects in sim.effects().items():
        assert (code, effects["bonus"], effects["add_bonus_shown"]) == (code, SHOWN + points[code], points[code])
    assert kafka.read("dlq.command") == [] == kafka.read("dlq.bonus")
    print(client.seen, len(kafka.read("cmd.wechat")) + len(kafka.read("cmd.bonus")), "records")
