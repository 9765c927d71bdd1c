# SPDX-License-Identifier: Apache-2.0
"""kabaoctl menu and autoreply: what the console had comes back as a menu and rules; every limit is refused by name."""
import hashlib
import json
import re
import shlex

import pytest
from kit.population import accounts
from kit.program import run_tool
from kit.servers import ROOT
from kit.terminal import on_terminal
from kit.web import request

VIEW = {"type": "view", "name": "商城", "url": "https://shop.example/?from=menu&x={a}"}
ARTICLE = {"title": "新品 \"A\"", "author": "x", "digest": "春季", "show_cover": 1, "cover_url": "http://mmbiz.qpic.cn/c.jpg",
           "content_url": "http://mp.weixin.qq.com/s?__biz=1", "source_url": ""}
SAYS = {  # what a button of the console says, and the reply that says the same
    "text": ({"value": "周一至周五 ]]> 😀\n{hello}"}, {"type": "text", "content": "周一至周五 ]]> 😀\n{ hello}"}),
    "img": ({"value": "ax5Whs5d"}, {"type": "image", "media_id": "ax5Whs5d"}),
    "photo": ({"value": "ax5Whs5e"}, {"type": "image", "media_id": "ax5Whs5e"}),
    "voice": ({"value": "nTXe3agh"}, {"type": "voice", "media_id": "nTXe3agh"}),
    "video": ({"value": "kQb_w-1"}, {"type": "video", "media_id": "kQb_w-1"}),
    "news": ({"value": "KQb_w_Tiz", "news_info": {"list": [ARTICLE, ARTICLE]}}, {"type": "news", "articles": [
        {"title": ARTICLE["title"], "description": "春季", "pic_url": ARTICLE["cover_url"], "url": ARTICLE["content_url"]}]}),
}
SAYING = [{"type": kind, "name": f"说{kind}", **says} for kind, (says, _) in SAYS.items()]
LINK = {"type": "video", "name": "链接", "value": "http://61.182.130.30/v.mp4"}
SMALL = {"type": "miniprogram", "name": "小程序", "url": "https://shop.example", "appid": "wx0123456789abcdef", "pagepath": "p"}
CONSOLE_MENU = {"button": [
    VIEW,
    {"name": "服务", "sub_button": {"list": [*SAYING[:4], LINK]}},
    {"name": "更多", "sub_button": {"list": [*SAYING[4:], SMALL, {"type": "finder", "name": "视频号", "value": "x"}]}},
]}


def keyword(content, mode="contain"):
    return {"type": "text", "match_mode": mode, "content": content}


def says(content):
    return {"type": "text", "content": content}


AUTOREPLY = {
    "is_add_friend_reply_open": 1, "is_autoreply_open": 1,
    "add_friend_autoreply_info": says("欢迎 🎉"),
    "message_default_autoreply_info": {"type": "img", "content": "media-9"},
    "keyword_autoreply_info": {"list": [
        {"rule_name": "积分", "create_time": 1760000000, "reply_mode": "reply_all",
         "keyword_list_info": [keyword("积分"), keyword("POINTS", "equal"), keyword("会员")],
         "reply_list_info": [says("一"), says("二")]},
        {"rule_name": "抽", "create_time": 1760000001, "reply_mode": "random_one",
         "keyword_list_info": [keyword("抽奖", "equal")],
         "reply_list_info": [{"type": "news", "news_info": {"list": [ARTICLE]}}, says("二")]},
    ]},
}
REPLIES = [reply for _, reply in SAYS.values()]


def key_of(button):
    """As the documentation says it, not as the program does."""
    text = json.dumps(button, ensure_ascii=False, separators=(",", ":"))
    return "kabao-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def click(button):
    return {"type": "click", "name": button["name"], "key": key_of(button)}


MENU = {"button": [VIEW, {"name": "服务", "sub_button": [click(b) for b in SAYING[:4]]},
                   {"name": "更多", "sub_button": [*(click(b) for b in SAYING[4:]), SMALL]}]}
RULES = {"rules": [
    {"match": "event", "event": "subscribe", "reply": says("欢迎 🎉")},
    *({"match": "event", "event": "CLICK", "key": key_of(b), "reply": reply} for b, reply in zip(SAYING, REPLIES)),
    {"match": "keyword", "mode": "contain", "keywords": ["积分", "会员"], "reply": says("一")},
    {"match": "keyword", "mode": "equal", "keywords": ["POINTS"], "reply": says("一")},
    {"match": "keyword", "mode": "equal", "keywords": ["抽奖"], "reply": REPLIES[-1]},
    {"match": "default", "reply": {"type": "image", "media_id": "media-9"}},
]}
LIST, KEYWORDS = "menu.current /selfmenu_info/button/", "autoreply.get /keyword_autoreply_info/list/"
LOST = [LIST + "1/sub_button/list/0 (说text)", LIST + "1/sub_button/list/4 (链接)", LIST + "2/sub_button/list/0 (说video)",
        LIST + "2/sub_button/list/1 (说news)", LIST + "2/sub_button/list/3 (视频号)", KEYWORDS + "0/reply_list_info/1 (积分)",
        KEYWORDS + "1/reply_list_info/1 (抽)"]


class System:
    def __init__(self, directory, config, ini, sim):
        self.directory, self.config, self.ini, self.sim = directory, config, ini, sim

    def run(self, *words):
        return run_tool("kabaoctl", *words, "--config", self.ini)

    def done(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def json(self, *words):
        return json.loads(self.done(*words, "--json").stdout)

    def file(self, name, value):
        path = self.directory / name
        path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), encoding="utf-8")
        return path

    def created(self):
        return len(self.sim.requests(path="/cgi-bin/menu/create"))

    def refused(self, menu):
        """The errcode with which the simulator itself answers this menu."""
        at = ("127.0.0.1", self.sim.port)
        ask = json.dumps({"grant_type": "client_credential", "appid": self.config.get("account demo", "appid"),
                          "secret": (self.directory / "demo.secret").read_text(encoding="ascii").strip()})
        token = json.loads(request(at, "POST", "/cgi-bin/stable_token", ask).body)["access_token"]
        reply = request(at, "POST", f"/cgi-bin/menu/create?access_token={token}", json.dumps(menu, ensure_ascii=False).encode())
        return json.loads(reply.body)["errcode"]


@pytest.fixture
def system(tmp_path, apply, config, run, start_sim):
    def start(workers=True, **account):
        sim = start_sim(accounts(**account))
        ready = config.with_({"wechat": {"base_url": sim.url}, "account demo": {"autoreply_file": tmp_path / "rules.json"}})
        apply(ready)
        if workers:
            run("token", ready, ready=False)
            run("command", ready)
        return System(tmp_path, ready, ready.write(tmp_path / "ctl.ini"), sim)
    return start


def documented():
    """The two commands of the page."""
    text = (ROOT / "workers/README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(kabaoctl autoreply import.*?)```", text, re.S)
    commands = block.strip().split("\n")
    assert len(commands) == 2
    return commands


def test_two_commands_bring_the_console_over(system):
    s = system(console_menu=CONSOLE_MENU, autoreply=AUTOREPLY)
    before = s.json("menu", "get")
    assert (before["source"], before["menu"]) == ("console", MENU)
    told = []
    for command in documented():
        words = [str(s.ini) if word == "kabao.ini" else str(s.directory / word) if word.endswith(".json") else word
                 for word in shlex.split(command)[1:]]
        done = run_tool("kabaoctl", *words)
        assert done.returncode == 0, (command, done.stderr)
        told.append(done)
    rules, menu = s.directory / "rules.json", s.directory / "menu.json"
    assert json.loads(rules.read_text(encoding="utf-8")) == RULES
    assert json.loads(menu.read_text(encoding="utf-8")) == MENU
    assert {oct(path.stat().st_mode & 0o7777) for path in (rules, menu)} == {"0o644"}
    for place in LOST:
        assert f"  {place}: " in told[0].stderr, (place, told[0].stderr)
    assert f"{len(LOST)} not brought over" in told[0].stderr and f"\n{len(LOST)} lost\n" in told[0].stderr
    assert "as the file says" in told[1].stdout and s.created() == 1
    # WeChat has it now, and it is the same by every other way.
    after = s.json("menu", "get")
    assert (after["source"], after["menu"], after["lost"]) == ("api", MENU, [])
    assert s.done("menu", "diff", menu).stdout == "the menu is as the file says\n"
    check = run_tool("ingress", "--check-config", "--config", s.ini)
    assert check.returncode == 0, check.stderr
    s.file("rules.json", rules.read_text(encoding="utf-8").replace('"default"', '"else"'))
    assert run_tool("ingress", "--check-config", "--config", s.ini).returncode == 78, "the ingress reads the rules"


def test_import_spares_files_and_lists_for_programs(system):
    s = system(console_menu=CONSOLE_MENU, autoreply=AUTOREPLY)
    mine = s.file("rules.json", "mine")
    refused = s.run("autoreply", "import")
    assert refused.returncode == 64 and "rules.json is there" in refused.stderr and mine.read_text() == "mine"
    (s.directory / "old.json").symlink_to(mine)
    told = s.json("autoreply", "import", "--rules", s.directory / "old.json", "--yes")
    assert json.loads(mine.read_text(encoding="utf-8")) == RULES and (s.directory / "old.json").is_symlink()
    assert [lost["where"] for lost in told["lost"]] == LOST and all(lost["why"] for lost in told["lost"])
    assert (told["rule_count"], told["button_count"]) == (len(RULES["rules"]), 10) and "menu_file" not in told
    assert s.run("autoreply", "import", "--rules", "/dev/null", "--yes").returncode == 64
    assert s.run("autoreply", "import", "--rules", s.directory / "none/x").returncode == 75
    s.ini = s.config.with_({"account demo": {"autoreply_file": None}}).write(s.directory / "bare.ini")
    plain = s.done("autoreply", "import")
    assert json.loads(plain.stdout) == RULES and "--menu names a file" in plain.stderr
    assert s.json("autoreply", "import")["rules"] == RULES
    assert not sorted(s.directory.glob("*.json.*")), "what was written first is gone"


def test_what_is_switched_off_and_what_is_not_there(system):
    off = {**AUTOREPLY, "is_add_friend_reply_open": 0, "is_autoreply_open": 0}
    s = system(autoreply=off)
    told = s.json("autoreply", "import", "--menu", s.directory / "menu.json")
    assert json.loads((s.directory / "rules.json").read_text(encoding="utf-8")) == {"rules": []}
    assert [lost["where"] for lost in told["lost"]] == [
        "autoreply.get /add_friend_autoreply_info", "autoreply.get /keyword_autoreply_info/list",
        "autoreply.get /message_default_autoreply_info"]
    assert told["button_count"] == 0 and not (s.directory / "menu.json").exists()
    none = s.run("menu", "get", s.directory / "menu.json")
    assert none.returncode == 78 and "there is no menu" in none.stderr and not (s.directory / "menu.json").exists()
    diff = s.run("menu", "diff", s.file("m.json", MENU), "--json")
    assert diff.returncode == 78 and {c["change"] for c in json.loads(diff.stdout)["changes"]} == {"added"}


def test_a_menu_is_compared_put_up_and_taken_down(system):
    s = system()
    path = s.file("menu.json", MENU)
    assert s.run("menu", "put", path).returncode == 64, "nobody was asked"
    argv = ["menu", "put", str(path), "--config", str(s.ini)]
    assert on_terminal(argv, b"n\n")[0] == 64 and s.created() == 0
    status, output = on_terminal(argv, b"y\n")
    assert status == 0 and "demo: Put this menu up" in output and s.created() == 1, output
    got = s.directory / "got.json"
    assert s.json("menu", "get", got) == {"source": "api", "file": str(got), "lost": []}
    assert json.loads(got.read_text(encoding="utf-8")) == MENU
    assert s.run("menu", "get", got).returncode == 64, "it is there"

    services = MENU["button"][1]["sub_button"]
    other = {"button": [MENU["button"][2], {**VIEW, "url": "https://b.example"}, {"name": "服务", "sub_button": [
        services[1], services[0], {"type": "click", "name": "新", "key": "k"}]}]}
    diff = s.run("menu", "diff", s.file("other.json", other), "--json")
    changes = json.loads(diff.stdout)
    assert diff.returncode == 78 and not changes["same"]
    assert sorted((c["change"], c.get("parent", ""), c["name"]) for c in changes["changes"]) == sorted([
        ("removed", "服务", "说photo"), ("removed", "服务", "说voice"), ("added", "服务", "新"), ("moved", "服务", "说text"),
        ("moved", "服务", "说img"), ("changed", "", "商城"), ("moved", "", "服务"), ("moved", "", "更多")])
    people = s.run("menu", "diff", s.directory / "other.json")
    assert people.returncode == 78 and "removed  服务 > 说voice\n" in people.stdout

    assert s.run("menu", "delete").returncode == 64
    assert "personalised" in s.done("menu", "delete", "--yes").stdout
    assert s.run("menu", "get").returncode == 78

    # What WeChat refuses, and what it says yes to without doing it.
    s.sim.control("script", [{"path": "/cgi-bin/menu/create", "do": {"errcode": 65316}}])
    refused = s.run("menu", "put", path, "--yes")
    assert refused.returncode == 78 and "menu.create: rejected, wechat:65316" in refused.stderr
    s.sim.control("script", [{"path": "/cgi-bin/menu/create", "do": {"errcode": 0}}])
    lost = s.run("menu", "put", path, "--yes")
    assert lost.returncode == 78 and "another menu than was sent" in lost.stderr


def test_without_the_worker_nothing_happens_later(system, run):
    s = system(workers=False)
    silent = s.run("menu", "put", s.file("menu.json", MENU), "--yes", "--wait", "1")
    assert silent.returncode == 75 and "does kabao-command run?" in silent.stderr
    run("token", s.config, ready=False)
    run("command", s.config)
    assert s.run("menu", "get").returncode == 78 and s.created() == 0


CLICK = {"type": "click", "name": "x", "key": "k"}
SUB = {"name": "s", "sub_button": [CLICK]}


def top(**more):
    return {"button": [{**CLICK, **more}]}


def sub(**more):
    return {"button": [{"name": "s", "sub_button": [{**CLICK, **more}]}]}


def needs(kind):
    return {"button": [{"type": kind, "name": "x"}]}


BAD = {  # a menu, and what is told of it
    "no-button": ({}, "/button is required"),
    "surplus": ({"button": [CLICK], "menuid": 7}, "/menuid is nothing that menu/create takes"),
    "value": (top(value="v"), "/button/0/value is nothing that menu/create takes"),
    "sub-value": (sub(news_info={}), "/button/0/sub_button/0/news_info is nothing"),
    "none": ({"button": []}, "/button must have a button"),
    "four": ({"button": [CLICK] * 4}, "/button must have at most 3 buttons"),
    "six": ({"button": [{"name": "s", "sub_button": [CLICK] * 6}]}, "/button/0/sub_button must have at most 5 buttons"),
    "name": (top(name="一二三四五xx"), "/button/0/name must be at most 16 bytes"),
    "no-name": ({"button": [{"type": "click", "key": "k"}]}, "/button/0/name is required"),
    "empty-name": (top(name=""), "/button/0/name must not be empty"),
    "sub-name": (sub(name="x" * 61), "/button/0/sub_button/0/name must be at most 60 bytes"),
    "key": (top(key="k" * 129), "/button/0/key must be at most 128 bytes"),
    "sub-key": (sub(key="k" * 129), "/button/0/sub_button/0/key must be at most 128 bytes"),
    "url": ({"button": [{**VIEW, "url": "https://a/" + "x" * 1015}]}, "/button/0/url must be at most 1024 bytes"),
    "scheme": ({"button": [{**VIEW, "url": "weixin://a"}]}, "/button/0/url must begin with http:// or https://"),
    "type": (top(type="text", value="v"), "/button/0/type is none"),
    "sub-type": (sub(type="news"), "/button/0/sub_button/0/type is none"),
    "no-type": ({"button": [{"name": "s", "sub_button": []}]}, "/button/0/type is required"),
    "sub-sub": ({"button": [{"name": "s", "sub_button": [SUB]}]}, "/button/0/sub_button/0/sub_button a sub menu"),
    "object": ({"button": [7]}, "/button/0 must be an object"),
    "subs": (top(sub_button=7), "/button/0/sub_button must be a list"),
    **{f"needs-{kind}": (needs(kind), f"/button/0/{member} is required by the type {kind}") for kind, member in {
        "click": "key", "view": "url", "miniprogram": "pagepath", "scancode_push": "key", "scancode_waitmsg": "key",
        "pic_sysphoto": "key", "pic_photo_or_album": "key", "pic_weixin": "key", "location_select": "key",
        "media_id": "media_id", "view_limited": "media_id", "article_id": "article_id",
        "article_view_limited": "article_id"}.items()},
}
GOOD = {
    "limits": {"button": [{**CLICK, "name": "一二三四五x", "key": "k" * 128}, {**VIEW, "url": "https://a/" + "x" * 1014},
                          {"name": "s", "sub_button": [{**CLICK, "name": "x" * 60}] * 5}]},
    "empty-subs": {"button": [{**CLICK, "sub_button": []}]},
    "full": json.loads((ROOT / "schemas/examples/commands/menu.create/ok-full.json").read_text(encoding="utf-8")),
}


def test_every_limit_is_refused_by_name_and_by_wechat_too(system):
    s = system()
    for name, (menu, told) in BAD.items():
        done = s.run("menu", "put", s.file("bad.json", menu), "--yes")
        assert done.returncode == 78 and f"bad.json: {told}" in done.stderr, (name, done)
    assert s.run("menu", "diff", s.directory / "bad.json").returncode == 78
    assert s.run("menu", "put", s.file("bad.json", '{"button":['), "--yes").returncode == 78
    assert s.run("menu", "put", s.directory / "none.json", "--yes").returncode == 64
    for path in sorted((ROOT / "schemas/examples/commands/menu.create").glob("bad-*.json")):
        done = s.run("menu", "put", path, "--yes")
        assert done.returncode == 78 and f"{path.name}: /button" in done.stderr, (path.name, done.stderr)
    assert s.created() == 0, "nothing was sent"
    let_through = [name for name, (menu, _) in BAD.items() if s.refused(menu) == 0]
    assert not let_through, "the simulator takes what is refused here"
    for name, menu in GOOD.items():
        assert s.refused(menu) == 0, name
        s.done("menu", "put", s.file("good.json", "\ufeff" + json.dumps(menu)), "--yes")
