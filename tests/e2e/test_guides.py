# SPDX-License-Identifier: Apache-2.0
"""deploy/README.md and its twin in Chinese: they say the same, what they name exists, and every command in them is run, in
order, on a machine that stands in for the merchant's, with a simulated WeChat and a simulated old system."""
import contextlib
import csv
import functools
import os
import re
import shlex
import subprocess
import threading

import pytest
from kit import guide
from kit.config import APPID, CARD_ID, ORIGINAL_ID, SECRETS, write_secret
from kit.installed import Installed, sections
from kit.oldsystem import oldsystem  # noqa: F401 (a fixture)
from kit.operator import CODE
from kit.population import accounts, member
from kit.program import BIN, clean_env, run_tool
from kit.push import Pusher
from kit.servers import ROOT
from kit.shipped import DEPLOY, SHIPPED, WORKERS, shown
from kit.terminal import Dialogue
from kit.waiting import wait_for
from conftest import LIGHT_JAVA
from test_readme import ONCE

PAGES = [DEPLOY / "README.md", DEPLOY / "README.zh-CN.md"]
ENGLISH, CHINESE = map(guide.read, PAGES)
COMMANDS = [text for section in ENGLISH for language, text in section.commands if language == "sh"]
PIECES = [text for section in ENGLISH for language, text in section.commands if language == "ini"]
FOOTPRINT, LOOK, PACKAGE, SERVERS, SETUP, PREPARE, ADDRESS, UNITS, WAY, EXPORT, REPLIES, RESTART, MENU, WAIT, ROW, FORM, \
    TOKEN, IMPORT, FORWARD, COMPARE, CSV, ERASE = COMMANDS
KAFKA_AND_MYSQL, RULES, API_TOKENS, HUB, FORWARDING = PIECES
LIGHT = {**os.environ, "JAVA_TOOL_OPTIONS": LIGHT_JAVA}
CONSOLE = {
    "console_menu": {"button": [{"name": "会员", "type": "view", "url": "https://shop.example.com/"},
                                {"name": "电话", "type": "text", "value": "10086"},
                                {"name": "视频号", "type": "finder", "value": "x"}]},
    "autoreply": {"is_add_friend_reply_open": 1, "is_autoreply_open": 1,
                  "add_friend_autoreply_info": {"type": "text", "content": "欢迎光临"}}}


def named(language):
    """The only block of that language."""
    (text,) = [text for section in ENGLISH for found, text in section.commands if found == language]
    return text


# --- the two say the same ---


@pytest.mark.parametrize("n", range(max(len(ENGLISH), len(CHINESE))))
def test_the_two_say_the_same(n):
    ours, theirs = ENGLISH[n], CHINESE[n]
    assert ours.level == theirs.level, (ours.heading, theirs.heading)
    for what in ("commands", "code", "figures", "table", "points"):
        assert getattr(ours, what) == getattr(theirs, what), (ours.heading, theirs.heading, what)
    links = [sorted(str(guide.place(link, page)) for link in section.links)
             for section, page in ((ours, ENGLISH), (theirs, CHINESE))]
    assert links[0] == links[1], (ours.heading, theirs.heading)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    found = guide.read(page)
    for link in (link for section in found for link in section.links):
        if link.startswith("#"):
            guide.place(link, found)
        elif not link.startswith("https://"):
            path, _, heading = link.partition("#")
            there = guide.read((page.parent / path).resolve()) if path.endswith(".md") else None
            assert (page.parent / path).exists(), link
            assert not heading or heading in [guide.anchor(section.heading) for section in there], link


# --- what they name exists ---


def settings():
    """{section: keys}, as the programs describe them; NAME's is `account`."""
    found, name = {}, None
    for line in subprocess.run([BIN / "kabao-ingress", "--describe-config"], check=True, capture_output=True, text=True,
                               env=clean_env()).stdout.splitlines():
        if line.startswith("["):
            name = line.strip("[]").split()[0]
        elif key := re.match(r"#?([a-z][a-z0-9_.]*) =", line):
            found.setdefault(name, set()).add(key[1])
    return found


def inline():
    return dict.fromkeys(code for section in ENGLISH for code in CODE.findall(section.prose))


def test_settings_exist():
    known = settings()
    everywhere = set().union(*known.values())
    for text in PIECES:
        for section, key, _ in sections(text):
            assert key in known[section.split()[0]], f"[{section}] {key}"
    for code in inline():
        if found := re.fullmatch(r"\[(\w+)(?: \w+)?\] (\w+)(?: = \w+)?", code):
            assert found[2] in known[found[1]], code
        elif found := re.fullmatch(r"(\w+) = \w+", code):
            assert found[1] in everywhere, code


def test_names_of_programs_and_files_exist():
    for code in inline():
        if re.fullmatch(r"kabao-[a-z]+|kabaoctl", code) and code != "kabao-console-shop":
            assert code in SHIPPED, code
        elif found := re.fullmatch(r"kabao@(\w+)", code):
            assert found[1] in WORKERS, code
        elif re.fullmatch(r"(deploy|tests)/\S+\.\w+", code):
            assert (ROOT / code).exists(), code


@functools.cache
def help_of(name):
    return run_tool("kabaoctl", *name.split(), "--help").stdout


def listed():
    """The words of each command of kabaoctl."""
    lines = re.findall(r"^  ([a-z-]+(?: [a-z|-]+)?)\b", run_tool("kabaoctl", "--help").stdout, re.MULTILINE)
    return {f"{first} {word}".strip() for line in lines
            for first, _, words in [line.partition(" ")] for word in words.split("|")}


def test_commands_and_their_options_exist():
    commands = listed()
    written = [line for text in COMMANDS for line in text.splitlines() if line.startswith("kabaoctl ")]
    for command in [*written, *(code for code in inline() if code.startswith("kabaoctl "))]:
        words = command.split()[1:]
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in commands), None)
        assert name, f"{command}: none of {sorted(commands)}"
        for option in re.findall(r"--[a-z-]+", command):
            assert option in help_of(name), f"{command}: {option} is no option"


# --- commands that others run ---


def test_the_demonstration_and_the_package_are_run_elsewhere():
    assert LOOK.strip() == ONCE, "test_readme"
    assert PACKAGE.splitlines() == shown("OPERATING.md", "Debian package")[:3], "test_package"


@pytest.mark.deadline(180)
def test_the_footprint_is_measured_by_its_command():
    (command,) = FOOTPRINT.splitlines()
    run, part, name = command.split()
    assert (ROOT / run).exists() and part == "bench"
    done = subprocess.run(["/usr/bin/python3", ROOT / f"tests/bench/{name}.py", "--pushes", "200"], check=False,
                          capture_output=True, text=True, timeout=170, env={**LIGHT, "KABAO_BIN": str(BIN)})
    assert done.returncode == 0, done.stderr[-3000:]
    for row in ("kabao-ingress", *(f"kabao-{name}" for name in WORKERS), "Kafka", "MariaDB", "everything"):
        assert re.search(rf"^{row} +\d+ +\d+$", done.stdout, re.MULTILINE), done.stdout
    for row in ("Kafka, all", "MySQL"):
        assert re.search(rf"^{row} +\d+ +\d+ +[\d.]+$", done.stdout, re.MULTILINE), done.stdout


def test_servers_of_ones_own(tmp_path):
    """Started by the page's commands, in a folder in place of /var/lib/kabao; that they serve, the scripts have seen."""
    (tmp_path / "etc").mkdir()
    places = {"/var/lib/kabao": tmp_path, "/etc/kabao/secrets": tmp_path / "etc"}
    try:
        for line in SERVERS.splitlines():
            for place, ours in places.items():
                line = line.replace(place, str(ours))
            said = subprocess.run(["bash", "-euc", line], check=True, cwd=ROOT, stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, timeout=90, env=LIGHT).stdout
            if line.startswith("cat "):
                assert re.fullmatch(r"127\.0\.0\.1:\d+\n\d+\n", said)
        assert (tmp_path / "etc/mysql.password").read_text(encoding="ascii")
    finally:
        for script, name in (("kafka/broker.sh", "kafka"), ("mariadb.sh", "mariadb")):
            subprocess.run([DEPLOY / script, "stop", tmp_path / name], check=False, timeout=60, stdin=subprocess.DEVNULL)


# --- all others, in their order ---


@pytest.fixture
def machine(tmp_path, broker, kafka, db, start_sim, oldsystem):  # noqa: F811
    sim = start_sim(accounts(*members(), template={"content": {"wx_activate": True}}, **CONSOLE))
    old = oldsystem()
    made = Installed(tmp_path / "machine", db, {
        "KABAO_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "KABAO_TOPIC_PREFIX": kafka.prefix, "KABAO_TOPIC_PARTITIONS": "3",
        "KABAO_MYSQL_PORT": (db.server.dir / "port").read_text(encoding="ascii").strip(), "KABAO_MYSQL_DATABASE": db.name,
        "KABAO_WECHAT_BASE_URL": sim.url})
    made.sim, made.old = sim, old
    yield made
    made.kill()


def members():
    """Those of the page's CSV file, and one who follows and stands in no file."""
    rows = list(csv.DictReader(named("csv").splitlines()))
    assert {row["card_id"] for row in rows} == {CARD_ID}
    return [member(row["card_code"], openid=row["openid"] or "oGRUFjk0a1b2c3d4e5f6g7h8i9j1") for row in rows] + [
        member("018255396051", openid="oGRUFjk0a1b2c3d4e5f6g7h8i9j2")]


def answer_setup(m):
    """An account that another system has today: its Token and EncodingAESKey stay."""
    (edit, line) = SETUP.splitlines()
    m.run(edit)
    assert "[account demo]" not in m.ini.read_text(encoding="utf-8")
    with Dialogue([*shlex.split(line)[1:], "--config", str(m.ini), "--lang", "en"], m.env) as dialogue:
        for asked, answer in (("AppID: ", APPID), ("(not shown): ", SECRETS["secret"]), ("Original ID", ORIGINAL_ID),
                              ("https://HOST: ", "https://shop.example.com"), ("(Enter: secure): ", ""),
                              ("paste its Token", SECRETS["callback_token"]), ("EncodingAESKey", SECRETS["aes_key"]),
                              ("Write settings", "y")):
            dialogue.expect(asked)
            wait_for(lambda asked=asked: dialogue.shows() != ("not shown" in asked), 10, "the secret is not shown")
            dialogue.type(answer + "\n")
        status, said = dialogue.end()
    assert status == 0, said
    assert "https://shop.example.com/wechat/shop" in said and SECRETS["aes_key"] in said
    for name in ("appsecret", "token", "aeskey"):
        path = m.etc / f"secrets/shop.{name}"
        assert path.stat().st_mode & 0o777 == 0o600


@contextlib.contextmanager
def somebody_writes(m):
    """To the account, again and again."""
    over = threading.Event()

    def write():
        last = m.sim.last_push()
        while not over.wait(0.3):
            m.sim.control("say", {"appid": APPID, "openid": members()[0]["openid"], "type": "text", "text": "你好"})
            last = m.sim.deliver(m.push, after=last)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def new_member(m, code):
    """He receives a card and fills in its form."""
    last = m.sim.last_push()
    m.sim.receive(code, "oGRUFjk0a1b2c3d4e5f6g7h8i9j3")
    m.sim.submit(code, form={"USER_FORM_INFO_FLAG_MOBILE": "15521328888"}, active=True)
    m.sim.deliver(m.push, after=last)


def install(m):
    m.settings(KAFKA_AND_MYSQL)
    answer_setup(m)
    m.block(PREPARE)
    assert "address" in m.block(ADDRESS)
    m.block(UNITS)
    assert m.block(WAY).strip() == "403"


def enter_server_mode(m):
    m.block(EXPORT)
    folder = m.work / "kabao-console-shop"
    assert {"menu.json", "rules.json", "lost.json", "menu.current.json", "autoreply.get.json"} <= {
        path.name for path in folder.iterdir()}
    m.block(REPLIES)
    m.settings(RULES)
    m.block(RESTART)
    m.push = Pusher(tuple(m.listen.split(":")), account="shop")
    assert m.push.check_url().status == 200, "the console's check"
    m.block(MENU)
    assert m.sim.requests(path="/cgi-bin/menu/create")
    with somebody_writes(m):
        m.block(WAIT)


def see_the_row(m, code):
    new_member(m, code)
    m.db.wait_rows("member", card_code=code, mobile="+8615521328888")
    said = m.block(ROW)
    assert code in said and "submit_membercard_user_info" in said
    (m.work / "form.json").write_text(named("json"), encoding="utf-8")
    m.block(FORM)
    assert m.sim.requests(path="/card/membercard/activateuserform/set")


def share_the_token(m):
    m.settings(API_TOKENS)
    prepare, new, restart, ask = TOKEN.splitlines()
    m.run(prepare)
    m.env["TOKEN"] = m.run(f"{new} 2>/dev/null").strip()
    m.run(restart)
    assert re.fullmatch(r'\{"access_token":"[^"]+","expires_in":\d+\}\s*', m.run(ask))


def move(m):
    (m.work / "members.csv").write_text(named("csv"), encoding="utf-8")
    calls = len(m.sim.requests(path="/card/membercard/activate"))
    plan, from_file, from_followers = IMPORT.splitlines()
    m.run(plan)
    assert not m.db.rows("bonus_account", card_code="018255396050")
    m.run(from_file)
    m.db.wait_rows("member", card_code="018255396050")
    m.db.wait_rows("bonus_account", card_code="018255396050")
    m.run(from_followers)
    m.db.wait_rows("member", card_code="018255396051")
    assert len(m.sim.requests(path="/card/membercard/activate")) == calls
    m.settings(FORWARDING)
    m.env["KABAO_ACCOUNT_SHOP_FORWARD_URL"] = m.old.url  # a variable that names an account makes one: not before setup
    m.block(FORWARD)
    new_member(m, "000000000002")
    m.old.wait(1, UserCardCode="000000000002", Event="submit_membercard_user_info")
    m.db.wait_rows("member", card_code="000000000002", mobile="+8615521328888")
    with (m.work / "members.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["card_id", "card_code", "openid", "mobile"])
        writer.writerows([card["card_id"], card["code"], card["openid"], "15521328888"] for card in m.sim.cards())
    m.block(COMPARE)


def leave(m, code):
    m.block(CSV)
    with (m.work / "members-today.csv").open(encoding="utf-8", newline="") as file:
        assert code in {row["card_code"] for row in csv.DictReader(file)}
    assert (m.work / "points-today.csv").read_text(encoding="utf-8")
    m.block(ERASE)
    wait_for(lambda: not m.db.rows("member", card_code=code, mobile="+8615521328888"), 30, lambda: m.db.rows("member"))


def look_around(m):
    """Commands in the words of the text; those that only name one of the blocks were run there."""
    run = [line for text in COMMANDS for line in text.splitlines()]
    for command in (code for code in inline() if re.match(r"(kabaoctl|journalctl|curl) \S", code)):
        if not any(line.startswith(command) for line in run):
            m.run(command)


@pytest.mark.deadline(240)
def test_from_nothing_to_a_live_account_and_away(machine):
    m = machine
    install(m)
    enter_server_mode(m)
    see_the_row(m, "018255396048")
    share_the_token(m)
    move(m)
    look_around(m)
    leave(m, "018255396048")
    m.end(SECRETS.values())


def test_a_token_hub_is_understood(tmp_path, db):
    m = Installed(tmp_path / "machine", db, {})
    m.run(SETUP.splitlines()[0])
    m.settings(f"[account shop]\nappid = {APPID}\n")
    m.settings(HUB)
    (m.units / "kabao@token.service.d").mkdir()
    (m.units / "kabao@token.service.d/hub.conf").write_text(named("systemd"), encoding="utf-8")
    write_secret(m.etc / "secrets/shop.hub", "bearer")
    write_secret(m.etc / "secrets/seal.key", SECRETS["seal_key"])
    given = m.given("kabao@token.service")
    assert "KABAO_ACCOUNT_SHOP_TOKEN_URL_BEARER_FILE" in given
    done = run_tool("token", "--check-config", "--config", m.ini, env=given)
    assert done.returncode == 0, done.stdout + done.stderr
