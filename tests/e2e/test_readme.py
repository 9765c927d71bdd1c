# SPDX-License-Identifier: Apache-2.0
"""Every command of README.md, run. A command that stands in no list here fails, and so does a list that README.md has
outgrown."""
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from kit.config import APPID, SECRETS, write_secret
from kit.population import accounts, member
from kit.process import Process, assert_no_report, free_port
from kit.program import BIN, clean_env, http_get
from kit.push import Pusher, card_event
from kit.servers import ROOT
from kit.waiting import wait_for

ONCE = "deploy/quickstart.sh --once"
DEMO = "deploy/quickstart.sh --data build/demo"
PATH = "export PATH=$PWD/build/release/bin:$PATH"
TESTS = "tests/run.sh"
DESCRIBE = "kabao-ingress --describe-config"

# What each command of the demonstration prints.
SHOWN = {
    "kabaoctl check --config build/demo/kabao.ini": "agrees with the database's",
    "kabaoctl token status --config build/demo/kabao.ini": "access_token",
    "kabaoctl tail event.wechat --from beginning --max 1 --config build/demo/kabao.ini": "ce_id: ",
    "kabaoctl tail state.member --from beginning --max 1 --json --config build/demo/kabao.ini": '"bonus":100',
    "deploy/mariadb.sh client build/demo/mariadb -e 'SELECT card_code, nickname, mobile, bonus, status FROM member' "
    "kabao": "+8615521328888",
}
SECRET_FILES = ["mkdir -m 700 secrets", "head -c 32 /dev/urandom | base64 > secrets/seal.key"]
PREPARE = ["kabaoctl topics apply --yes --config kabao.ini", "kabaoctl migrate --yes --config kabao.ini",
           "kabaoctl check --config kabao.ini"]
START = [f"kabao-{name} --config kabao.ini &" for name in ("token", "member", "store", "ingress")]


def blocks(path, language):
    """Fenced blocks of that language, as texts."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)


def environment(**settings):
    env = clean_env(settings)
    env["PATH"] = f"{BIN}:{env['PATH']}"
    return env


def shell(command, env, cwd=ROOT, timeout=60):
    done = subprocess.run(["bash", "-euc", command], check=False, capture_output=True, text=True, env=env, cwd=cwd,
                          timeout=timeout, stdin=subprocess.DEVNULL)
    assert_no_report(done.stderr, command)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def left_behind(folder):
    """Command lines of processes that have to do with the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def test_commands_are_all_known():
    found = [line for block in blocks(ROOT / "README.md", "sh") for line in block.splitlines()]
    assert found == [ONCE, DEMO, PATH, *SHOWN, TESTS, *SECRET_FILES, *PREPARE, *START, DESCRIBE]


@pytest.fixture
def short_tmp(tmp_path_factory):
    """A Unix socket's path has its limits."""
    folder = tmp_path_factory.mktemp("q")
    yield folder
    assert left_behind(folder) == []


def quickstart(folder, *arguments):
    env = clean_env({"KABAO_BIN": str(BIN), "TMPDIR": str(folder)})
    argv = ["env", "--default-signal=INT", ROOT / "deploy/quickstart.sh", *arguments]
    return Process(argv, folder / "quickstart.log", env)


def test_quickstart_once_shows_the_way_and_ends(short_tmp):
    run = quickstart(short_tmp, "--once").start()
    try:
        assert run.wait_exit(90) == 0, run.log_text()
    finally:
        run.terminate()
    text = run.log_text()
    for part in ("<![CDATA[submit_membercard_user_info]]>", "200 success", "ce_id: ", "traceparent: 00-",
                 "kabao.member.changed", '"path":"/cgi-bin/stable_token"', '"path":"/card/membercard/userinfo/get"',
                 "mobile: +8615521328888"):
        assert part in text, text
    assert [path.name for path in short_tmp.iterdir()] == ["quickstart.log"]


def test_quickstart_stays_up_for_the_commands(short_tmp):
    demo = short_tmp / "demo"
    run = quickstart(short_tmp, *DEMO.replace("build/demo", str(demo)).split()[1:]).start()
    try:
        wait_for(lambda: "up until Ctrl-C" in run.log_text() or not run.running, 90, run.log_text)
        for command, shown in SHOWN.items():
            assert shown in shell(command.replace("build/demo", str(demo)), environment()), command
        printed = run.log_text().split("== to try")[1].splitlines()[1:]
        for command in (line for line in printed if "kabao" in line and " tail " not in line):
            shell(command, environment())
        run.signal(signal.SIGINT)
        assert run.wait_exit(60) == 130, run.log_text()
    finally:
        run.terminate()
    for path in [demo / "kabao.ini", *(demo / "log").iterdir()]:
        assert_no_report(path.read_text(encoding="utf-8"), path)
    assert all(path.stat().st_mode & 0o77 == 0 for path in (demo / "secrets").iterdir())


def test_quickstart_ends_with_its_children_however_it_ends(short_tmp):
    run = quickstart(short_tmp, "--data", str(short_tmp / "demo")).start()
    wait_for(lambda: "starting kabao-token" in run.log_text() or not run.running, 60, run.log_text)
    run.child.kill()
    run.child.wait()
    wait_for(lambda: not left_behind(short_tmp), 60, lambda: left_behind(short_tmp))


def test_quickstart_uses_given_servers(short_tmp, broker, db):
    env = {"KABAO_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "KABAO_MYSQL_HOST": "127.0.0.1",
           "KABAO_MYSQL_PORT": (db.server.dir / "port").read_text().strip(), "KABAO_MYSQL_DATABASE": db.name,
           "KABAO_MYSQL_PASSWORD_FILE": str(db.server.password_file)}
    run = quickstart(short_tmp, "--once", "--data", str(short_tmp / "demo"))
    run.env.update(env)
    try:
        assert run.start().wait_exit(90) == 0, run.log_text()
    finally:
        run.terminate()
    assert "prefix = quickstart\n" in (short_tmp / "demo/kabao.ini").read_text()
    assert "starting Kafka" not in run.log_text() and "starting MariaDB" not in run.log_text()
    assert len(db.rows("member", appid=APPID)) == 1


def test_quickstart_leaves_a_folder_in_use_alone(short_tmp):
    folder = short_tmp / "demo"
    folder.mkdir()
    owner = Process(["flock", folder / "lock", "sleep", "60"], short_tmp / "flock.log").start()
    try:
        wait_for(lambda: owner.children(), 10, "the lock")
        run = quickstart(short_tmp, "--once", "--data", str(folder)).start()
        assert run.wait_exit(30) == 1
        assert "in use" in run.log_text() and not (folder / "kabao.ini").exists()
    finally:
        owner.kill()


@pytest.mark.parametrize("arguments", [["--twice"], ["--data"]])
def test_quickstart_refuses_what_it_does_not_know(short_tmp, arguments):
    run = quickstart(short_tmp, *arguments).start()
    assert run.wait_exit(10) == 1
    assert "--data" in run.log_text()


def test_tests_are_run_by_the_command_that_readme_names():
    """This test is part of it; a part that does not exist is refused."""
    done = subprocess.run([ROOT / TESTS, "no-such-part"], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "unit, lint, e2e, threads, fuzz, bench, soak" in done.stderr


def test_path_is_where_quickstart_builds():
    folder = re.search(r"\$PWD/(\S+)/bin:", PATH).group(1)
    assert f"dir=$KABAO_ROOT/{folder}\n" in (ROOT / "deploy/quickstart.sh").read_text(encoding="utf-8")


@pytest.fixture
def account_environment(broker, kafka, db, start_sim):
    """What differs here from the installation that README.md is about: addresses, and what only this test owns."""
    sim = start_sim(accounts(member()))
    return environment(
        KABAO_KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, KABAO_TOPIC_PREFIX=kafka.prefix, KABAO_TOPIC_PARTITIONS="3",
        KABAO_MYSQL_PORT=(db.server.dir / "port").read_text().strip(), KABAO_MYSQL_DATABASE=db.name,
        KABAO_WECHAT_BASE_URL=sim.url, KABAO_INGRESS_LISTEN=f"127.0.0.1:{free_port()}")


def start(command, env, cwd):
    """A program that README.md starts in the background, ready."""
    port = free_port()
    argv = ["env", "-C", cwd, *command.removesuffix(" &").split()]
    argv[3] = shutil.which(argv[3], path=env["PATH"])
    process = Process(argv, cwd / f"{Path(argv[3]).name}.log", {**env, "KABAO_ADMIN_LISTEN": f"127.0.0.1:{port}"})
    process.start()
    wait_for(lambda: not process.running or ready(port), 40, process.log_text)
    assert process.running, process.log_text()
    return process


def ready(port):
    try:
        return http_get(port, "/readyz")[0] == 200
    except OSError:
        return False


def test_first_account_in_ten_settings(tmp_path, account_environment, db):
    env = account_environment
    (ini,) = blocks(ROOT / "README.md", "ini")
    assert len(re.findall(r"^\S+ = ", ini, re.M)) == 10
    (tmp_path / "kabao.ini").write_text(ini, encoding="utf-8")
    for command in SECRET_FILES:
        shell(command, env, tmp_path)
    for name, secret in (("appsecret", "secret"), ("token", "callback_token"), ("aeskey", "aes_key")):
        write_secret(tmp_path / "secrets" / name, SECRETS[secret])
    write_secret(tmp_path / "secrets/mysql.password", db.server.password_file.read_text(encoding="ascii"))
    for command in PREPARE:
        shell(command, env, tmp_path)
    processes = [start(command, env, tmp_path) for command in START]
    try:
        host, port = env["KABAO_INGRESS_LISTEN"].split(":")
        assert Pusher((host, int(port)), account="shop").secure(card_event("submit_membercard_user_info")).success
        db.wait_rows("member", appid=APPID)
        for process in processes:
            assert process.terminate() == 0, process.log_text()
    finally:
        for process in processes:
            process.kill()
    for process in processes:
        process.check_log(SECRETS.values())


def test_settings_are_described():
    assert "[kafka]" in shell(DESCRIBE, environment())


def test_identity_by_hand_is_the_vector():
    (block,) = blocks(ROOT / "schemas/README.md", "sh")
    assert shell(block, dict(os.environ)).strip() == "f9efcbdcb7f929c97d7a7984840ac411"
    assert '"f9efcbdcb7f929c97d7a7984840ac411"' in (ROOT / "schemas/examples/identity/submit.json").read_text()
