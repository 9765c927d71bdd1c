# SPDX-License-Identifier: Apache-2.0
"""A broken setting refuses the start: exit 78, naming file, line, key and remedy."""
import json

import pytest

from kit.config import Config
from kit.program import run_tool

PROGRAMS = ("ingress", "token", "member", "store")


def refusal(done):
    assert done.returncode == 78, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


@pytest.fixture
def broken(tmp_path, config):
    """broken({"section": {...}}): an INI with that change; returns its path and the line of a key."""
    def make(changes):
        ini = config.with_(changes).write(tmp_path / "broken.ini")
        lines = ini.read_text(encoding="utf-8").splitlines()
        return ini, lambda key: next(n for n, line in enumerate(lines, 1) if line.startswith(f"{key} ="))
    return make


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_key_is_refused_with_file_and_line(broken, program):
    ini, line = broken({"ingress": {"listten": "127.0.0.1:1"}})
    text = refusal(run_tool(program, "--config", ini))
    assert f"{ini.name}:{line('listten')}" in text
    assert "listten" in text
    assert "listen" in text.replace("listten", ""), "the remedy"


@pytest.mark.parametrize("changes, key", [
    ({"ingress": {"max_connections": "many"}}, "max_connections"),
    ({"ingress": {"ack_timeout_ms": "99999"}}, "ack_timeout_ms"),
    ({"wechat": {"base_url": "http://api.weixin.qq.com"}}, "base_url"),
    ({"account demo": {"push_mode": "open"}}, "push_mode"),
    ({"topic": {"prefix": "ka_bao"}}, "prefix"),
    ({"topic": {"partitions": "0"}}, "partitions"),
    ({"account demo": {"activation": "always"}}, "activation"),
    ({"account demo": {"membership_number": "prefix:too-long-a"}}, "membership_number"),
    ({"quota": {"/card/code/get": "600/hour"}}, "/card/code/get"),
    ({"crm": {"url": "http://crm.example"}}, "url"),
    ({"account demo": {"forward_url": "http://old.example/"}}, "forward_url"),
    ({"account demo": {"forward_url": "https://old.example/", "callback_token_file": None}}, "forward_url"),
])
def test_a_bad_value_is_refused_with_its_key(broken, changes, key):
    ini, line = broken(changes)
    text = refusal(run_tool("ingress", "--config", ini))
    assert key in text
    assert f"{ini.name}:{line(key)}" in text


def test_a_missing_file_is_named_with_the_remedy(tmp_path):
    text = refusal(run_tool("ingress", "--config", tmp_path / "nowhere.ini"))
    assert "nowhere.ini" in text
    assert "--config" in text


@pytest.mark.parametrize("program, section, key", [("ingress", "account demo", "callback_token_file"),
                                                   ("ingress", "account demo", "aes_key_file"),
                                                   ("token", "account demo", "secret_file"),
                                                   ("token", "token", "seal_key_file"),
                                                   ("member", "token", "seal_key_file")])
def test_a_missing_secret_is_named(broken, tmp_path, program, section, key):
    ini, _ = broken({section: {key: str(tmp_path / "gone")}})
    text = refusal(run_tool(program, "--config", ini))
    assert key in text
    assert "gone" in text


def test_what_librdkafka_refuses_refuses_the_start(broken):
    ini, _ = broken({"kafka": {"linger.mss": "1"}})
    assert "linger.mss" in refusal(run_tool("ingress", "--config", ini, "--check-config"))
    ini, _ = broken({"kafka": {"enable.auto.commit": "true"}})
    assert "enable.auto.commit" in refusal(run_tool("store", "--config", ini, "--check-config"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_good_settings_pass_the_check(config, tmp_path, program):
    ini = config.write(tmp_path / "good.ini")
    assert run_tool(program, "--config", ini, "--check-config").returncode == 0


def test_the_environment_overrides_and_strangers_are_only_logged(config, tmp_path):
    ini = config.write(tmp_path / "good.ini")
    done = run_tool("ingress", "--config", ini, "--print-config",
                    env={"KABAO_INGRESS_LISTEN": "127.0.0.1:4711", "KABAO_SERVICE_HOST": "10.0.0.1"})
    assert done.returncode == 0
    assert "listen = 127.0.0.1:4711" in done.stdout
    assert any(json.loads(line).get("name") == "KABAO_SERVICE_HOST" for line in done.stderr.splitlines())


def test_what_is_printed_can_be_read_again_and_shows_no_secret(config, tmp_path):
    secret = config.with_(kafka={"sasl.password": "hunter2hunter2"})
    done = run_tool("store", "--config", secret.write(tmp_path / "first.ini"), "--print-config")
    assert done.returncode == 0
    assert "hunter2" not in done.stdout
    again = tmp_path / "again.ini"
    again.write_text(done.stdout, encoding="utf-8")
    assert run_tool("store", "--config", again, "--print-config").stdout == done.stdout


@pytest.mark.parametrize("program", (*PROGRAMS, "kabaoctl"))
def test_every_program_tells_what_it_is(program):
    assert run_tool(program, "--help").returncode == 0
    assert run_tool(program, "--version").stdout.startswith(program if program == "kabaoctl" else f"kabao-{program} ")
    assert run_tool(program, "--nonsense").returncode == 64


def test_no_account_is_refused_by_the_ingress(tmp_path):
    ini = Config({"kafka": {"bootstrap.servers": "127.0.0.1:9"}}).write(tmp_path / "empty.ini")
    assert "[account" in refusal(run_tool("ingress", "--config", ini))
