# SPDX-License-Identifier: Apache-2.0
"""`success` only after the broker has acknowledged, an answer within 4.5 s, recovery without a restart of ours."""
import threading
import time

import pytest

from kit.push import card_event
from kit.scale import count
from kit.waiting import concurrently, wait_for

SUBMIT = "submit_membercard_user_info"
ANSWER_WITHIN = 4.5
SLACK = 1.0  # of a loaded test machine


@pytest.fixture
def ingress(apply, config, run):
    apply(config)
    return run("ingress", config)


@pytest.fixture
def push(ingress, pusher):
    return pusher(ingress)


def assert_refused(reply):
    assert (reply.status, reply.body) == (503, "")
    assert reply.headers["retry-after"] == "1"
    assert reply.seconds < ANSWER_WITHIN + SLACK


def test_a_frozen_broker_is_answered_503_and_missed_pushes_can_come_again(ingress, push, broker, kafka):
    assert push.secure(card_event(SUBMIT, code="0")).success
    broker.freeze()
    fields = card_event(SUBMIT, code="1", at=1760000000)
    assert_refused(push.secure(fields))
    broker.thaw()
    wait_for(lambda: push.secure(fields).success, 30, "pushes are taken again")
    records = kafka.wait("event.wechat", 2)
    assert {r.json["card_code"] for r in records} == {"0", "1"}
    assert ingress.running


def test_a_stopped_broker_is_answered_503_and_found_again(ingress, push, broker, kafka):
    broker.stop()
    assert_refused(push.secure(card_event(SUBMIT, code="1")))
    wait_for(lambda: ingress.probe("/readyz") == 503, 20, "readyz turns red")
    assert ingress.probe("/healthz") == 200
    broker.start()
    wait_for(lambda: push.secure(card_event(SUBMIT, code="2")).success, 60, "pushes are taken again")
    wait_for(lambda: ingress.probe("/readyz") == 200, 20, "readyz turns green")
    assert "2" in {r.json["card_code"] for r in kafka.wait("event.wechat", 1)}


def test_starting_before_the_broker_waits_for_it(apply, config, run, pusher, broker):
    apply(config)
    broker.stop()
    ingress = run("ingress", config, ready=False)
    wait_for(lambda: ingress.probe("/readyz") == 503, 20, "it is up and not ready")
    broker.start()
    ingress.wait_ready(60)
    assert pusher(ingress).secure(card_event(SUBMIT)).success


@pytest.mark.deadline(900)
@pytest.mark.parametrize(("total", "freezes", "frozen_s"), [(count(20000, 1500), 10, 0.7), (count(20000, 3000), count(40, 5), 4.2)],
                         ids=["short", "past the answer to a push"])
def test_every_success_has_its_record_through_freezes(ingress, push, broker, kafka, total, freezes, frozen_s):
    """20,000 pushes in the soak; each is tried until it succeeds, as WeChat does, while the broker comes and goes."""
    over = threading.Event()

    def send(number):
        fields = card_event(SUBMIT, code=f"{number:012d}", at=1760000000)
        while True:
            reply = push.secure(fields)
            assert reply.seconds < ANSWER_WITHIN + 3 * SLACK
            assert reply.success or reply.status == 503
            if reply.success:
                return number
            assert not over.is_set(), "whoever freezes and thaws the broker is gone"

    def disturb():
        try:
            for _ in range(freezes):
                if over.wait(0.5):
                    return
                broker.freeze()
                over.wait(frozen_s)
                broker.thaw()
        except BaseException:
            over.set()
            raise

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        begun = time.monotonic()
        concurrently(send, range(total), threads=32)
    finally:
        over.set()
        disturber.join()
        broker.thaw()
    wanted = {f"{n:012d}" for n in range(total)}
    wait_for(lambda: wanted <= {r.json["card_code"] for r in kafka.read("event.wechat")}, 60,
             lambda: f"records of {sorted(wanted - {r.json['card_code'] for r in kafka.read('event.wechat')})}")
    records = kafka.read("event.wechat")
    contents = {}
    for record in records:
        contents.setdefault(record.id, set()).add(record.value)
    assert {r.json["card_code"] for r in records} == wanted
    assert all(len(values) == 1 for values in contents.values()), "one id, one content"
    print(f"{total} pushes, {len(records)} records, {time.monotonic() - begun:.1f} s")


def test_sigterm_answers_what_waits(ingress, push, kafka):
    sent = threading.Event()
    replies = []

    def send(number):
        reply = push.secure(card_event(SUBMIT, code=str(number)))
        sent.set()
        replies.append((number, reply.status, reply.success))

    def many():
        for number in range(300):
            try:
                send(number)
            except OSError:
                return  # nobody listens any more

    thread = threading.Thread(target=many)
    thread.start()
    sent.wait(10)
    ingress.stop()
    thread.join()
    good = {str(number) for number, _, success in replies if success}
    assert good
    assert good <= {r.json["card_code"] for r in kafka.wait("event.wechat", len(good))}
    assert all(status in (200, 503) for _, status, _ in replies)
