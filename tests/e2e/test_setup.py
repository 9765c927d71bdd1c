# SPDX-License-Identifier: Apache-2.0
"""kabaoctl setup: from a few answers to settings that load and secrets nobody else reads; nothing half-done."""
import json
import os
import re
import signal
import stat
import subprocess

import pytest

from kit.program import BIN, clean_env, run_tool
from kit.terminal import Dialogue

APPID = "wx00112233445566aa"
SECRET = "0123456789abcdef0123456789abcdef"
ANSWERS = {"appid": APPID, "secret": SECRET, "original_id": "gh_7f083739789a", "url": "https://card.example.com"}
OLD_TOKEN = "theOldSystemsToken"
OLD_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def lines(**more):
    return "".join(f"{key} = {value}\n" for key, value in {**ANSWERS, **more}.items() if value is not None)


def setup(path, name="shop", text=None, words=("--yes",), **more):
    return run_tool("kabaoctl", "setup", name, "--config", path, *words, env={"LC_ALL": "C"},
                    text=lines(**more) if text is None else text)


def all_files(folder):
    return {str(p.relative_to(folder)): (p.read_bytes(), stat.S_IMODE(p.stat().st_mode))
            for p in folder.rglob("*") if p.is_file()}


def secret(folder, name):
    return (folder / "secrets" / name).read_text().removesuffix("\n")


def test_it_makes_an_account_out_of_nothing(tmp_path):
    path = tmp_path / "kabao.ini"
    done = setup(path)
    assert done.returncode == 0, done.stderr
    assert all(mode == 0o600 for name, (_, mode) in all_files(tmp_path / "secrets").items())
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert secret(tmp_path, "shop.appsecret") == SECRET
    assert re.fullmatch("[A-Za-z0-9]{32}", secret(tmp_path, "shop.token"))
    assert re.fullmatch("[A-Za-z0-9]{43}", secret(tmp_path, "shop.aeskey"))
    assert set(all_files(tmp_path)) == {"kabao.ini", "secrets/seal.key", "secrets/shop.appsecret",
                                        "secrets/shop.token", "secrets/shop.aeskey"}
    (tmp_path / "secrets" / "mysql.password").write_text("x")
    for program in ("ingress", "token", "member"):
        checked = run_tool(program, "--config", path, "--check-config")
        assert checked.returncode == 0, checked.stderr
    assert "https://card.example.com/wechat/shop" in done.stdout
    assert "IP allow-list" in done.stdout and "check --live" in done.stdout
    for word in (SECRET, secret(tmp_path, "shop.token"), secret(tmp_path, "shop.aeskey")):
        assert word not in done.stdout + done.stderr, "no log is to have them"
    assert secret(tmp_path, "shop.token") in setup(path, "two", words=("--yes", "--reveal"), appid="wx2",
                                                   token=secret(tmp_path, "shop.token")).stdout


def test_every_run_makes_other_secrets(tmp_path):
    made = set()
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        assert setup(tmp_path / name / "kabao.ini").returncode == 0
        made |= {secret(tmp_path / name, f) for f in ("shop.token", "shop.aeskey", "seal.key")}
    assert len(made) == 9


def test_what_stands_in_the_settings_stays_byte_for_byte(tmp_path):
    path = tmp_path / "kabao.ini"
    for old in (b"\xef\xbb\xbf# mine\r\n[kafka]\r\nbootstrap.servers = a:1\r\n", b"[log]\nlevel = warn",
                b"[token]\n# before the last line\nrefresh_ahead_s = 100\n[log]\nlevel = warn\n"):
        for file in all_files(tmp_path):
            (tmp_path / file).unlink()
        path.write_bytes(old)
        path.chmod(0o644)
        assert setup(path).returncode == 0
        new = path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        if b"[token]" in old:
            new = new.replace(f"seal_key_file = {tmp_path}/secrets/seal.key\n".encode(), b"", 1)
            assert new.count(b"[token]") == 1
        assert new.startswith(old) and b"[account shop]" in new[len(old):]


def test_a_seal_key_that_is_there_stays(tmp_path):
    path = tmp_path / "kabao.ini"
    assert setup(path).returncode == 0
    before = all_files(tmp_path)
    assert setup(path, "shop2", appid="wx2").returncode == 0
    after = all_files(tmp_path)
    assert after.items() >= {k: v for k, v in before.items() if k != "kabao.ini"}.items()
    assert after["kabao.ini"][0].count(b"seal_key_file") == 1


def test_the_secrets_of_the_old_system_are_taken(tmp_path):
    done = setup(tmp_path / "kabao.ini", token=OLD_TOKEN, aes_key=OLD_KEY, push_mode="compatible")
    assert done.returncode == 0, done.stderr
    assert (secret(tmp_path, "shop.token"), secret(tmp_path, "shop.aeskey")) == (OLD_TOKEN, OLD_KEY)
    assert "push_mode = compatible" in (tmp_path / "kabao.ini").read_text()


def test_plain_mode_needs_no_key(tmp_path):
    done = setup(tmp_path / "kabao.ini", push_mode="plain", words=("--yes", "--json", "--reveal"))
    said = json.loads(done.stdout)
    assert said["token"] == secret(tmp_path, "shop.token") and "aes_key" not in said
    assert not (tmp_path / "secrets" / "shop.aeskey").exists()
    assert "aes_key_file" not in (tmp_path / "kabao.ini").read_text()


def test_the_same_name_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "kabao.ini"
    assert setup(path).returncode == 0
    before = all_files(tmp_path)
    done = setup(path, appid="wx2")
    assert done.returncode == 64 and "[account shop] is in" in done.stderr and "another NAME" in done.stderr
    assert all_files(tmp_path) == before


@pytest.mark.parametrize("more, why", [
    ({"appid": None}, "appid is missing"), ({"secret": None}, "secret is missing"), ({"url": None}, "url is missing"),
    ({"appid": "wx 1"}, "appid: letters"), ({"secret": "a b"}, "secret: "), ({"original_id": "wx1"}, "original_id: "),
    ({"url": "http://card.example.com"}, "url: "), ({"url": "https://card.example.com:8443"}, "url: "),
    ({"url": "https://card.example.com/wechat"}, "url: "), ({"push_mode": "open"}, "push_mode: "),
    ({"token": "a-b"}, "token: 3 to 32"), ({"token": "x" * 33}, "token: 3 to 32"), ({"aes_key": "short"}, "aes_key: 43"),
    ({"appsecret": "x"}, "line 5: no such key"), ({"secret": "x" * 300}, "line 2: too long"),
])
def test_wrong_answers_are_named_and_nothing_is_written(tmp_path, more, why):
    done = setup(tmp_path / "kabao.ini", **more)
    assert done.returncode == 64 and why in done.stderr, done.stderr
    assert all_files(tmp_path) == {}


@pytest.mark.parametrize("text, why", [("appid\n", "line 1: not of"), ("appid = a\nappid = b\n", "line 2: this key")])
def test_answers_of_another_form_are_refused(tmp_path, text, why):
    done = setup(tmp_path / "kabao.ini", text=text)
    assert done.returncode == 64 and why in done.stderr
    assert all_files(tmp_path) == {}


def test_it_wants_yes_without_a_terminal(tmp_path):
    done = setup(tmp_path / "kabao.ini", words=())
    assert done.returncode == 64 and "--yes" in done.stderr
    assert all_files(tmp_path) == {}
    for words in ({"name": "Shop"}, {"words": ("--yes", "--lang", "fr")}):
        assert setup(tmp_path / "kabao.ini", **words).returncode == 64


@pytest.mark.parametrize("old", ["[accuont demo]\nappid = wx1\n", "[log]\nlevle = warn\n", "rubbish",
                                 f"[account other]\nappid = {APPID}\n"])
def test_settings_that_would_not_load_stay_as_they_are(tmp_path, old):
    (tmp_path / "kabao.ini").write_text(old)
    before = all_files(tmp_path)
    done = setup(tmp_path / "kabao.ini")
    assert done.returncode == 78 and "kabao.ini" in done.stderr, done.stderr
    assert all_files(tmp_path) == before


def test_a_secret_that_is_there_is_used_and_never_overwritten(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "shop.token").write_text(OLD_TOKEN + "\n")
    (tmp_path / "secrets" / "shop.appsecret").write_text(SECRET)
    done = setup(tmp_path / "kabao.ini", secret=None)
    assert done.returncode == 0 and "shop.token is there and is used" in done.stderr
    assert secret(tmp_path, "shop.token") == OLD_TOKEN
    done = setup(tmp_path / "kabao.ini", "shop2", appid="wx2")
    (tmp_path / "secrets" / "shop3.token").write_text(OLD_TOKEN)
    done = setup(tmp_path / "kabao.ini", "shop3", appid="wx3", token="another")
    assert done.returncode == 64 and "its file is there already" in done.stderr
    (tmp_path / "secrets" / "shop3.token").write_text("no token")
    before = all_files(tmp_path)
    done = setup(tmp_path / "kabao.ini", "shop3", appid="wx3")
    assert done.returncode == 78 and "remove it" in done.stderr
    assert all_files(tmp_path) == before


def test_a_full_disk_leaves_no_trace(tmp_path):
    (tmp_path / "kabao.ini").write_text("[log]\nlevel = warn\n")
    before = all_files(tmp_path)
    done = subprocess.run(["sh", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$0" "$@"', BIN / "kabaoctl", "setup", "shop",
                           "--config", tmp_path / "kabao.ini", "--yes"], check=False, input=lines(), env=clean_env(),
                          capture_output=True, text=True)
    assert done.returncode == 75, done.stderr
    assert all_files(tmp_path) == before


def test_a_failure_at_the_last_secret_takes_the_others_back(tmp_path):
    (tmp_path / "kabao.ini").write_text("[log]\nlevel = warn\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "seal.key.new").write_text("")
    before = all_files(tmp_path)
    done = setup(tmp_path / "kabao.ini")
    assert done.returncode == 75 and "seal.key.new is there" in done.stderr
    assert all_files(tmp_path) == before
    (tmp_path / "secrets" / "seal.key.new").unlink()
    (tmp_path / "secrets" / "seal.key").write_text("no key")
    before = all_files(tmp_path)
    assert setup(tmp_path / "kabao.ini").returncode == 78
    assert all_files(tmp_path) == before
    (tmp_path / "secrets" / "seal.key").unlink()
    assert setup(tmp_path / "kabao.ini").returncode == 0


def answer(dialogue, *pairs):
    for prompt, text in pairs:
        dialogue.expect(prompt)
        dialogue.type(text + "\n")


def test_on_a_terminal_it_asks_and_the_secret_is_not_shown(tmp_path):
    with Dialogue(["setup", "shop", "--config", str(tmp_path / "kabao.ini"), "--lang", "en"]) as d:
        answer(d, ("AppID: ", "wx with blanks"), ("as the console shows", ""), ("AppID: ", APPID))
        d.expect("AppSecret (not shown): ")
        while d.shows():
            pass
        d.type(SECRET + "\n")
        d.expect("Original ID")
        assert d.shows()
        answer(d, (": ", ""), ("https://HOST: ", "https://card.example.com/"), ("(Enter: secure): ", ""),
               ("Then paste its Token", OLD_TOKEN), ("EncodingAESKey", ""), ("Write settings", "y"))
        status, output = d.end()
    assert status == 0, output
    assert SECRET not in output
    assert f"Token            {OLD_TOKEN}" in output, "to be pasted"
    assert secret(tmp_path, "shop.aeskey") in output
    assert "https://card.example.com/wechat/shop\r\n" in output
    assert secret(tmp_path, "shop.appsecret") == SECRET


def test_ctrl_c_gives_the_terminal_back_and_writes_nothing(tmp_path):
    with Dialogue(["setup", "shop", "--config", str(tmp_path / "kabao.ini"), "--lang", "en"]) as d:
        answer(d, ("AppID: ", APPID))
        d.expect("AppSecret (not shown): ")
        while d.shows():
            pass
        d.type("\x03")
        assert d.child.wait(30) == -signal.SIGINT
        assert d.shows()
    with Dialogue(["setup", "shop", "--config", str(tmp_path / "kabao.ini"), "--lang", "en"]) as d:
        answer(d, ("AppID: ", APPID), ("AppSecret (not shown): ", SECRET))
        d.expect("Original ID")
        d.type("\x04")
        assert d.end()[0] == 64
    assert all_files(tmp_path) == {}


def test_no_at_the_end_writes_nothing(tmp_path):
    with Dialogue(["setup", "shop", "--config", str(tmp_path / "kabao.ini"), "--lang", "en"]) as d:
        answer(d, ("AppID: ", APPID), ("AppSecret", SECRET), ("Original ID", ""), ("https://HOST: ", "https://a.example"),
               ("(Enter: secure): ", "plain"), ("Then paste its Token", ""), ("Write settings", "n"))
        assert d.end()[0] == 64
    assert all_files(tmp_path) == {}


@pytest.mark.parametrize("env, words, chinese", [
    ({"LANG": "zh_CN.UTF-8"}, (), True), ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, (), False),
    ({"LC_MESSAGES": "zh_TW"}, (), True), ({"LANG": "zh_CN.UTF-8"}, ("--lang", "en"), False), ({}, ("--lang", "zh"), True),
])
def test_it_speaks_english_or_chinese(tmp_path, env, words, chinese):
    own = {k: v for k, v in clean_env(env).items() if k in env or not k.startswith(("LC_", "LANG"))}
    done = subprocess.run([BIN / "kabaoctl", "setup", "shop", "--config", tmp_path / "kabao.ini", "--yes", *words],
                          check=True, input=lines(), env=own, capture_output=True, text=True)
    assert ("服务器配置" in done.stdout) == chinese and ("IP白名单" in done.stdout) == chinese
    assert ("server configuration" in done.stdout) != chinese
    assert "https://card.example.com/wechat/shop" in done.stdout
    assert "{" not in done.stdout


def test_the_example_of_the_package_is_pointed_at(tmp_path):
    (tmp_path / "kabao.ini").write_text("[account demo]\nappid = wx0123456789abcdef\n")
    done = setup(tmp_path / "kabao.ini")
    assert done.returncode == 0 and "[account demo] still has" in done.stderr


def test_two_at_a_time_do_not_lose_each_others_account(tmp_path):
    path = tmp_path / "kabao.ini"
    started = [subprocess.Popen([BIN / "kabaoctl", "setup", f"shop{i}", "--config", path, "--yes"], env=clean_env(),
                                stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
               for i in range(4)]
    for i, one in enumerate(started):
        one.stdin.write(lines(appid=f"wx{i}"))
        one.stdin.close()
    good = [i for i, one in enumerate(started) if one.wait(60) == 0]
    for one in started:
        one.stderr.close()
    text = path.read_text()
    assert good and [i for i in range(4) if f"[account shop{i}]" in text] == good
    assert not list(tmp_path.rglob("*.new"))
    assert {p.name for p in (tmp_path / "secrets").glob("*.token")} == {f"shop{i}.token" for i in good}
    assert os.path.exists(tmp_path / "secrets" / "seal.key")
