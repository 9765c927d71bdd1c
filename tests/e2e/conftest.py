# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one broker and one database server for the run; topics, database, settings and programs of its own for
each test. What a test leaves behind is judged here: every record, every log, every exit."""
import faulthandler
import os
import random
import signal
import uuid

import pytest

pytest.register_assert_rewrite("kit.servers", "kit.program", "kit.kafka", "kit.push")

from kit import memory, scale
from kit.config import SECRETS, default_config
from kit.contract import Contract
from kit.kafka import Kafka
from kit.layout import Tables, Topics
from kit.program import Program, run_tool
from kit.push import Pusher
from kit.servers import Broker, DatabaseServer
from kit.sim import Sim

SEED = os.environ.get("KABAO_SEED") or str(random.SystemRandom().randrange(2**32))
_CLEAR = tuple(SECRETS.values())
_STDERR = pytest.StashKey()
GRACE_S = 30  # for what ends after a test that was cut short
LIGHT_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # the broker shares few cores with the tests, and lives shortly


def pytest_report_header():
    return f"KABAO_SEED={SEED}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, f"report_{call.when}", report)


def limit(item):
    marker = item.get_closest_marker("deadline")
    return (marker.args[0] if marker else 120) * scale.count(10, 1)


def pytest_configure(config):
    """The run's own standard error, past what pytest captures."""
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        config.stash[_STDERR] = os.dup(2)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """A test that hangs where no signal reaches Python (a call into librdkafka) ends its whole process, with the
    stacks of all threads; pytest-xdist reports the test and goes on with another process."""
    faulthandler.dump_traceback_later(limit(item) + 3 * GRACE_S, exit=True, file=item.config.stash[_STDERR])
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def deadline(request):
    """Ends a test that hangs, and then what hangs after it; @pytest.mark.deadline(seconds) for the slow ones."""
    seconds = limit(request.node)

    def ring(*_):
        faulthandler.dump_traceback(request.config.stash[_STDERR])
        pytest.fail(f"the test took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, GRACE_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def rng(request):
    """Random numbers that KABAO_SEED repeats."""
    return random.Random(f"{SEED} {request.node.nodeid}")


@pytest.fixture(scope="session")
def broker_server(tmp_path_factory):
    with memory.folder(tmp_path_factory.mktemp("kafka")) as folder:
        server = Broker(folder, {**os.environ, "JAVA_TOOL_OPTIONS": LIGHT_JAVA})
        try:
            yield server.start()
        finally:
            server.kill()


@pytest.fixture
def broker(broker_server):
    """The real broker; frozen, stopped or killed at will, and running again for the next test."""
    broker_server.ensure_running()
    yield broker_server
    broker_server.ensure_running()


@pytest.fixture(scope="session")
def db_server(tmp_path_factory):
    with memory.folder(tmp_path_factory.mktemp("mariadb")) as folder:
        server = DatabaseServer(folder)
        try:
            yield server.start()
        finally:
            server.kill()


@pytest.fixture
def db(db_server):
    """An empty database of this test; db.server can be frozen, stopped, killed."""
    db_server.ensure_running()
    database = db_server.create()
    yield database
    db_server.ensure_running()
    database.drop()


@pytest.fixture(scope="session")
def contract():
    return Contract(secrets=_CLEAR)


@pytest.fixture
def kafka(broker, contract):
    """Topics under a prefix of this test. At the end every record in them is judged (kit/contract.py)."""
    kafka = Kafka(broker.bootstrap, "t" + uuid.uuid4().hex[:10], contract)
    yield kafka
    broker.ensure_running()
    try:
        kafka.check_records()
    finally:
        kafka.close()
        kafka.delete_all()


@pytest.fixture
def start_sim(tmp_path):
    """start_sim(accounts, script=None): the simulator, answering."""
    sims = []

    def start(accounts, script=None):
        directory = tmp_path / f"sim{len(sims)}"
        directory.mkdir()
        sims.append(Sim(directory, accounts, script))
        return sims[-1].start()

    yield start
    for sim in sims:
        sim.kill()
        sim.check_log()


@pytest.fixture
def config(tmp_path, broker, kafka, db):
    """Settings of one account, `demo`, on this test's topics and database; WeChat's address is the test's to add."""
    return default_config(tmp_path, broker, kafka.prefix, db)


@pytest.fixture
def run(request, tmp_path, broker, kafka, db):
    """run("member", config): the program, ready; run(..., ready=False) does not wait. What still runs at the end of
    the test gets SIGTERM and owes exit 0; none may have logged a secret or a sanitizer's report."""
    programs = []

    def start(name, config, ready=True, env=None, timeout=30):
        program = Program(name, config, tmp_path, f"{len(programs)}-{name}", env)
        programs.append(program)
        return program.start(ready, timeout)

    yield start
    report = getattr(request.node, "report_call", None)
    try:
        if report is not None and report.passed:
            broker.ensure_running()
            db.server.ensure_running()
            stop_all(programs)
    finally:
        for program in programs:
            program.kill()
        if report is not None and report.failed:
            for program in programs:
                print(f"--- {program.log_path.name}\n{program.log_text()[-4000:]}")
    for program in programs:
        program.check_log(_CLEAR)


def stop_all(programs):
    running = [program for program in programs if program.running]
    for program in running:
        program.thaw()
        program.signal(signal.SIGTERM)
    for program in running:
        program.await_stop()


@pytest.fixture(scope="session")
def layout():
    """What kabaoctl makes once, for all tests of the run."""
    return Topics(), Tables()


def kabaoctl(tmp_path, *words):
    def tool(config):
        done = run_tool("kabaoctl", *words, "--config", config.write(tmp_path / "apply.ini"), "--yes")
        assert done.returncode == 0, f"kabaoctl {' '.join(words)}: {done.stdout}{done.stderr}"
    return tool


@pytest.fixture
def migrate(tmp_path, layout, db):
    """migrate(config): the tables as the product's own tool makes them."""
    return lambda config: layout[1].make(config, db, kabaoctl(tmp_path, "migrate"))


@pytest.fixture
def apply(tmp_path, layout, migrate):
    """apply(config): topics and tables as the product's own tool makes them (kit/layout.py)."""
    def make(config):
        layout[0].make(config, kabaoctl(tmp_path, "topics", "apply"))
        migrate(config)
    return make


@pytest.fixture
def pusher():
    """pusher(ingress): sends pushes of account `demo`."""
    def make(ingress, **kwargs):
        return Pusher(ingress.listen, seed=SEED, **kwargs)
    return make
