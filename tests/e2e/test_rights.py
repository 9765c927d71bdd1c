# SPDX-License-Identifier: Apache-2.0
"""Every program with the least it needs: rights in Kafka (deploy/kafka/acls.sh) and MySQL (deploy/mysql/grants.sh)."""
import datetime
import os
import pwd
import re
import shlex
import socket
import struct
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from kit.api import Api, write_clients
from kit.config import CARD_ID, default_config, write_secret
from kit.population import accounts, member
from kit.program import ROOT, Program, run_tool
from kit.push import Pusher, card_event
from kit.servers import Broker, DatabaseServer
from kit.sim import Sim
from kit.tools import call, needs
from kit.waiting import wait_for

ACLS, GRANTS = ROOT / "deploy/kafka/acls.sh", ROOT / "deploy/mysql/grants.sh"
WORKERS = re.findall(r"^add_worker\((\w+)", (ROOT / "workers/CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE)
PASSWORD = "only-for-this-test"
TOKEN = "kbt_all_0123456789abcdef"
REFUSED = re.compile(r"denied|authoriz", re.IGNORECASE)


def rules(*options):
    """{(principal, operation, resource, name, pattern)} of what acls.sh prints."""
    found = set()
    for line in call(ACLS, "--bootstrap", "broker:9092", *options).splitlines():
        words = shlex.split(line)
        assert words[:4] == ["kafka-acls.sh", "--bootstrap-server", "broker:9092", "--add"]
        pairs = list(zip(words[4::2], words[5::2], strict=True))
        has = {key: [value for k, value in pairs if k == key] for key, _ in pairs}
        (principal,), (pattern,) = has["--allow-principal"], has.get("--resource-pattern-type", ["literal"])
        found |= {(principal, operation, key[2:], name, pattern) for operation in has["--operation"]
                  for key in ("--topic", "--group") for name in has.get(key, [])}
    return found


def test_kafka_rules_are_what_asyncapi_says():
    api = yaml.safe_load((ROOT / "schemas/asyncapi.yaml").read_text(encoding="utf-8"))
    wanted = set()
    for operation in api["operations"].values():
        channel = api["channels"][operation["channel"]["$ref"].rsplit("/", 1)[1]]
        for program in operation["x-programs"]:
            verb = {"send": "Write", "receive": "Read"}[operation["action"]]
            topic = channel["address"].replace("{worker}", program.removeprefix("kabao-"))
            wanted.add((f"User:{program}", verb, "topic", topic, "literal"))
    wanted |= {(f"User:kabao-{name}", "Read", "group", f"kabao-{name}", "literal") for name in WORKERS}
    found = rules()
    assert {r for r in found if r[0] != "User:kabaoctl"} == {r for r in wanted if r[0] != "User:kabaoctl"}
    for principal, verb, _, topic, _ in wanted:
        if principal == "User:kabaoctl":
            family = topic.split("kabaoctl")[0]  # dlq and redrive: of every worker
            fits = [(name, pattern) for who, may, _, name, pattern in found if (who, may) == (principal, verb)]
            assert any(family.startswith(name) if pattern == "prefixed" else topic == name for name, pattern in fits)
    assert not {r for r in found if r[1] in ("All", "Delete", "Alter", "ClusterAction") or r[3] == "*"}


def test_kafka_rules_have_other_names_where_the_settings_do():
    found = rules("--prefix", "shop", "--principal", "User:CN=%s,O=shop", "--reply-to", "erp.answers", "kabao-command")
    assert {r[0] for r in found} == {"User:CN=kabao-command,O=shop"}
    assert {r[3] for r in found if r[1] == "Write"} >= {"shop.result.wechat.v1", "shop.dlq.command.v1", "erp.answers"}
    assert ("User:CN=kabao-command,O=shop", "Read", "group", "shop-command", "literal") in found


def test_unknown_programs_get_nothing():
    for script, options in ((ACLS, ["--bootstrap", "b:1"]), (GRANTS, [])):
        for bad in ("kabao-nobody", "--frob"):
            assert subprocess.run([script, *options, bad], check=False, capture_output=True).returncode == 64
    assert subprocess.run([GRANTS, "kabao-ingress"], check=False, capture_output=True).returncode == 64


def test_grants_name_every_table():
    tables = set()
    for migration in (ROOT / "schemas/sql").glob("V*.sql"):
        tables |= set(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", migration.read_text(encoding="utf-8")))
    assert set(re.findall(r" ON `kabao`\.`(\w+)` TO", call(GRANTS))) == tables


# --- on real servers ---


def jaas(users=""):
    return ("org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'username="admin" password="{PASSWORD}" {users};')


def secured():
    """A broker that asks who you are and lets nobody do anything."""
    names = ("admin", "kabaoctl", "kabao-ingress", *(f"kabao-{w}" for w in WORKERS))
    users = " ".join(f'user_{name}="{PASSWORD}"' for name in names)
    return "\n".join((
        "listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name=PLAINTEXT",
        "sasl.enabled.mechanisms=PLAIN",
        "sasl.mechanism.inter.broker.protocol=PLAIN",
        f"listener.name.plaintext.plain.sasl.jaas.config={jaas(users)}",
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:admin;User:ANONYMOUS"))  # the controller's own listener knows no names


def login(user):
    return {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": user,
            "sasl.password": PASSWORD}


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def allow(broker, found):
    """All rules in one request (CreateAcls, version 1) to the controller's listener: a JVM for each would take minutes,
    and Debian's confluent_kafka cannot say it."""
    kinds, patterns = {"topic": 2, "group": 3}, {"literal": 3, "prefixed": 4}
    operations = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10, "AlterConfigs": 11}
    body = struct.pack(">i", len(found)) + b"".join(
        struct.pack(">b", kinds[kind]) + text(name) + struct.pack(">b", patterns[pattern]) + text(principal) +
        text("*") + struct.pack(">bb", operations[operation], 3) for principal, operation, kind, name, pattern in found)
    request = struct.pack(">hhi", 30, 1, 7) + text("test") + body
    port = int((broker.dir / "ports").read_text(encoding="ascii").split()[1])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        stream = connection.makefile("rb")
        (size,) = struct.unpack(">i", stream.read(4))
        answer = stream.read(size)
    count, = struct.unpack(">i", answer[8:12])
    assert (count, answer[12:]) == (len(found), b"\0\0\0\0" * count), answer  # no error, no words about it


def allow_by_tool(broker, home, program):
    """As an operator does it, by Kafka's own command."""
    command, admin = home / "kafka-acls", home / "admin.properties"
    running = Path(f"/proc/{broker.process.pid}/cmdline").read_text(encoding="utf-8").split("\0")
    jars = running[running.index("-cp") + 1]
    command.write_text("#!/bin/sh\nexec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "
                       f'-cp "{jars}" org.apache.kafka.tools.AclCommand "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    admin.write_text(f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config={jaas()}\n",
                     encoding="utf-8")
    return call(ACLS, "--bootstrap", broker.bootstrap, "--command-config", admin, "--apply", program,
                env={**os.environ, "KAFKA_ACLS": str(command)})


def rfc3339_now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_root(server, sql):
    """The server is stopped: root is locked while it runs."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    call(needs("mariadbd"), "--no-defaults", f"--user={user}", "--bootstrap", f"--datadir={server.dir}/data",
         "--skip-log-bin", feed=f"FLUSH PRIVILEGES;\n{sql}")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    home = tmp_path_factory.mktemp("rights")
    broker = Broker(home / "kafka", {**os.environ, "KABAO_KAFKA_EXTRA": secured(),
                                     "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"})
    database = DatabaseServer(home / "mariadb")
    with ExitStack() as stack:
        stack.callback(broker.kill)
        stack.callback(database.kill)
        yield broker.start(), database.start()


def leave_months_to_do(database):
    """One to drop, and those ahead to make."""
    (month,) = database.query("SELECT DATE_FORMAT(UTC_TIMESTAMP(),'p%%Y%%m') AS name,"
                              " DATE_FORMAT(UTC_TIMESTAMP()+INTERVAL 1 MONTH,'%%Y-%%m-01') AS end")
    database.query("ALTER TABLE wechat_event PARTITION BY RANGE COLUMNS (create_time) ("
                   "PARTITION p202001 VALUES LESS THAN ('2020-02-01'),"
                   f"PARTITION {month['name']} VALUES LESS THAN ('{month['end']}'),"
                   "PARTITION later VALUES LESS THAN (MAXVALUE))")
    for name, at in (("old", "'2020-01-01'"), ("now", "UTC_TIMESTAMP()")):
        database.query(f"INSERT INTO wechat_event (event_id,create_time,appid) VALUES ('{name}',{at},'wx1');"
                       f"INSERT INTO command_result (command_id,outcome,standing,at) VALUES ('{name}','done','2',{at})")


@pytest.mark.deadline(240)
def test_every_program_runs_with_no_more_than_its_rights(servers, tmp_path):
    broker, server = servers
    database = server.create()
    sim = Sim(tmp_path, accounts(member())).start()
    password = write_secret(tmp_path / "each.password", PASSWORD)
    clients = write_clients(tmp_path / "clients.ini", {"shop": {"token": TOKEN}})
    crm_secret = write_secret(tmp_path / "crm.secret", "whsec_" + "QUJD" * 8)

    def config(user, database_user=None):
        base = default_config(tmp_path, broker, "kabao", database, sim.url)
        return base.with_(kafka=login(user), mysql={"user": database_user or user, "password_file": password},
                          crm={"url": "http://127.0.0.1:9/", "secret_file": crm_secret},
                          ingress={"api_tokens_file": clients})

    users = [*(f"kabao-{w}" for w in WORKERS), "kabaoctl", "kabao-migrate"]
    server.stop()
    as_root(server, "".join(f"CREATE USER '{u}'@'localhost' IDENTIFIED BY '{PASSWORD}';\n" for u in users) +
            call(GRANTS, "--database", database.name, "--host", "localhost", "kabao-migrate"))
    server.start()
    ini = config("kabaoctl", "kabao-migrate").write(tmp_path / "migrate.ini")
    done = run_tool("kabaoctl", "migrate", "--yes", "--config", ini)
    assert done.returncode == 0, done.stderr
    server.stop()
    as_root(server, call(GRANTS, "--database", database.name, "--host", "localhost"))
    server.start()

    leave_months_to_do(database)

    ini = config("kabaoctl").write(tmp_path / "ctl.ini")
    apply = ("kabaoctl", "topics", "apply", "--yes", "--config", ini)
    assert run_tool(*apply).returncode != 0, "nobody may do anything yet"
    allow_by_tool(broker, tmp_path, "kabaoctl")
    allow(broker, {rule for rule in rules() if rule[0] != "User:kabaoctl"})
    wait_for(lambda: run_tool(*apply).returncode == 0, 60, "topics are made")

    with ExitStack() as stack:
        stack.callback(sim.kill)
        programs = {}
        for name in ("token", *(w for w in WORKERS if w != "token"), "ingress"):
            programs[name] = Program(name, config(f"kabao-{name}"), tmp_path, name)
            stack.callback(programs[name].kill)
            programs[name].start(ready=False)
        for program in programs.values():
            program.wait_ready(90)
        assert Pusher(programs["ingress"].listen).secure(card_event("user_get_card")).success
        database.wait_rows("member", timeout=60, card_id=CARD_ID)
        api = Api(programs["ingress"].listen, TOKEN)
        change = {"card_id": CARD_ID, "card_code": "018255396048", "mode": "add", "add_bonus": 5}
        assert api.post("bonus", change, "once", "wait=60").json["outcome"] == "applied"
        assert api.command("card.get", {"card_id": CARD_ID}, prefer="wait=60").json["outcome"] == "done"
        assert api.command("bind.start", {"user": "u1", "ttl_s": 600}, prefer="wait=60").json["outcome"] == "done"
        programs["store"].wait_metric("kabao_store_upkeep_total", outcome="ok")
        assert not database.rows("wechat_event", event_id="old") and not database.rows("command_result", command_id="old")
        months = database.query("SELECT partition_name FROM information_schema.partitions WHERE"
                                " table_name='wechat_event' AND table_schema=DATABASE()")
        assert len(months) == 1 + 3 + 1, months
        database.wait_rows("command_result", 1 + 2, timeout=60)
        span = ("--from", "2026-01-01T00:00:00Z", "--to", rfc3339_now())
        replays = [("replay", "plan", worker, *span) for worker in ("activate", "bonus", "command")]
        replays.append(("replay", "run", "store", "--yes", *span))
        for words in (("check",), ("dlq", "ls", "member"), ("parked", "ls", "member"), ("token", "status"),
                      ("command", "list"), ("reconcile", "plan"), *replays):
            done = run_tool("kabaoctl", *words, "--config", ini)
            assert not REFUSED.search(done.stdout + done.stderr), (words, done)
        for program in programs.values():
            program.stop()
        for name, program in programs.items():
            assert not REFUSED.search(program.log_text()), name

    with pytest.raises(KafkaException):  # and what is not allowed is refused
        store = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0, **login("kabao-store")})
        (answer,) = store.delete_topics(["kabao.event.wechat.v1"], request_timeout=20).values()
        answer.result()
