# SPDX-License-Identifier: Apache-2.0
"""kabaoctl check --live: every fault of an account is named with its remedy; the first push is seen to its row."""
import json
import subprocess
import uuid

import pytest
from conftest import kabaoctl
from kit.config import APPID, CARD_ID, SECRETS, account, default_config, write_secret
from kit.hub import Hub
from kit.kafka import Kafka
from kit.population import accounts
from kit.process import assert_no_report, free_port
from kit.program import BIN, clean_env, run_tool
from kit.push import event
from kit.sim import Sim
from kit.web import request

BASE = {"logo_url": "http://mmbiz.qpic.cn/mmbiz/plain/0", "code_type": "CODE_TYPE_BARCODE", "brand_name": "商户", "title": "会员卡",
        "color": "Color010", "notice": "使用时出示", "description": "说明", "date_info": {"type": "DATE_TYPE_PERMANENT"},
        "get_limit": 1, "can_give_friend": False}
MENU = {"button": [{"type": "view", "name": "商城", "url": "https://shop.example/"}]}
REPLIES = {"is_add_friend_reply_open": 1, "is_autoreply_open": 1, "add_friend_autoreply_info": {"type": "text", "content": "欢迎"}}
TOKEN, LIST, CHECK = "/cgi-bin/stable_token", "/card/batchget", "/cgi-bin/callback/check"
OWN_PAGE = "https://kabao.example/wechat/{name}/activate"


def card(base=None, template=None, **more):
    """A template's content: wx_activate unless `more` says otherwise."""
    content = {"base_info": {**BASE, **(base or {})}, "prerogative": "特权", "supply_bonus": True, "supply_balance": False,
               "wx_activate": True, **more}
    return {"content": content, **(template or {})}


def page(url, **more):
    return card(wx_activate=False, activate_url=url, **more)


def jump(url):
    return card(wx_activate_after_submit=True, wx_activate_after_submit_url=url)


def errcode(code, path=TOKEN, errmsg=None):
    return {"path": path, "do": {"errcode": code, **({"errmsg": errmsg} if errmsg else {})}}


class Fault:
    """sim: more of the simulated account; cards: its templates; rule: one of the script; keys: more of [account NAME];
    says: the line, its state, and words of its text. {name} is the account's."""

    def __init__(self, what, state, *words, sim=None, cards=None, rule=None, keys=None, calls=0):
        self.what, self.state, self.words = what, state, words
        self.sim, self.rule, self.keys, self.calls = sim or {}, rule, keys or {}, calls
        self.cards = [card()] if cards is None else cards


FAULTS = {
    "address": Fault("address", "FAIL", "127.0.0.1 is not on the IP allow list", "IP白名单", "wechat:40164", sim={"denied": [40164]}),
    "addressv6": Fault("address", "FAIL", "2001:db8::7 is not on the IP allow list",
                       rule=errcode(40164, errmsg="invalid ip 2001:db8::7, not in whitelist")),
    "pending": Fault("address", "FAIL", "waits for the account's administrator", "wechat:89501", sim={"denied": [89501]}),
    "unconfirmed": Fault("address", "FAIL", "must be confirmed by the account's administrator", sim={"denied": [89503]}),
    "refusedday": Fault("address", "FAIL", "24 hours", "wechat:89506", sim={"denied": [89506]}),
    "refusedhour": Fault("address", "FAIL", "1 hour", "wechat:89507", sim={"denied": [89507]}),
    "appid": Fault("secret", "FAIL", "[account appid] there is no such AppID", "compare appid", keys={"appid": "wxffffffffffffffff"}),
    "secret": Fault("secret", "FAIL", "the AppSecret is another one", "secret_file", "wechat:40125", sim={"secret": "another"}),
    "credential": Fault("secret", "FAIL", "the AppSecret is another one", "wechat:40001", rule=errcode(40001)),
    "frozen": Fault("secret", "FAIL", "the AppSecret is frozen: unfreeze it", sim={"denied": [40243]}),
    "missing": Fault("secret", "FAIL", "secret_file", "none.secret", keys={"secret_file": "/nowhere/none.secret"}),
    "tokenquota": Fault("token", "FAIL", "today's fetches are used up", "midnight in China", rule=errcode(45009)),
    "wechataway": Fault("token", "FAIL", "502", "can this machine reach it?", rule={"path": TOKEN, "do": {"status": 502}}),
    "hub": Fault("token", "FAIL", "the token hub refuses the bearer token", "token_url_bearer_file",
                 keys={"token_source": "url", "token_url": "HUB", "token_url_bearer_file": "BEARER"}),
    "goodhub": Fault("token", "OK", "the hub's is good for",
                     keys={"token_source": "url", "token_url": "HUB", "token_url_bearer_file": "GOOD"}),
    "stolen": Fault("token", "FAIL", "another system fetches tokens of this account", "token_source = url", rule=errcode(40001, LIST)),
    "nofeature": Fault("cards", "FAIL", "the account may not use cards (48001)", "open the card feature", "卡券功能",
                       sim={"closed": ["/card/*"]}),
    "notemplate": Fault("cards", "NOTE", "there is no template of a member card", "card.create", cards=[]),
    "audit": Fault("card", "NOTE", "waits for WeChat's audit", "card.test_whitelist", cards=[card(template={"status": "CARD_STATUS_NOT_VERIFY"})]),
    "auditfailed": Fault("card", "FAIL", "refused by WeChat's audit", "card.update", cards=[card(template={"status": "CARD_STATUS_VERIFY_FAIL"})]),
    "inactive": Fault("card", "FAIL", "nobody activates the cards", "[account inactive] activation = none", "on_ticket",
                      cards=[page("https://shop.example/join")]),
    "nomode": Fault("card", "FAIL", "nothing activates the cards: set on_receive", cards=[card(wx_activate=False)]),
    "landing": Fault("card", "FAIL", "its page is kabao's, which is off: set [account landing] landing_url",
                     cards=[page(OWN_PAGE)], keys={"activation": "on_ticket"}),
    "ownpage": Fault("card", "NOTE", "WeChat opens https://shop.example/join", "/v1/activations",
                     cards=[page("https://shop.example/join?a=1")], keys={"activation": "crm"}),
    "noquestion": Fault("card", "NOTE", "appends &card_id=", "?x=1", cards=[jump("https://shop.example/join")],
                        keys={"activation": "on_ticket"}),
    "auto": Fault("card", "NOTE", "WeChat activates it by itself", "set activation = none",
                  cards=[card(wx_activate=False, auto_activate=True)], keys={"activation": "on_receive"}),
    "noticket": Fault("card", "NOTE", "with the form, which brings no ticket", "wx_activate_after_submit_url", keys={"activation": "on_ticket"}),
    "customcode": Fault("card", "NOTE", "use_custom_code", "mini programs cannot open its form", cards=[card(template={"use_custom_code": True})]),
    "gift": Fault("card", "NOTE", "can_give_friend", "on_gift = transfer takes the points along", cards=[card({"can_give_friend": True})]),
    "nopoints": Fault("card", "NOTE", "supply_bonus", "never off again", cards=[card(supply_bonus=False)]),
    "nostock": Fault("card", "FAIL", "none is left to be received", "card.modify_stock", cards=[card(template={"quantity": 0})]),
    "nomenu": Fault("calls", "NOTE", "menu.get is not open", "subscription account", sim={"closed": ["/cgi-bin/menu/*"]}),
    "unverified": Fault("calls", "NOTE", "user.list is not open", "from a CSV file", sim={"closed": ["/cgi-bin/user/*"]}),
    "subscription": Fault("calls", "NOTE", "qrcode.create is not open", "verified service account", sim={"closed": ["/cgi-bin/qrcode/*"]}),
    "quota": Fault("calls", "NOTE", "member.get: 0 of today's 5 are left", "[quota]", calls=5,
                   sim={"quota": {"/card/membercard/userinfo/get": {"per_day": 5}}}),
    "noreplies": Fault("replies", "NOTE", "no auto-reply is on"),
    "noaddress": Fault("network", "FAIL", "do not find the host", sim={"callback_check": {"dns": [], "ping": []}}),
    "lossy": Fault("network", "FAIL", "20% of WeChat's packets from CHINANET to 203.0.113.7 are lost", "network", sim={"callback_check": {
        "dns": [{"ip": "203.0.113.7"}], "ping": [{"ip": "203.0.113.7", "from_operator": "CHINANET", "package_loss": "20%"},
                                                  {"ip": "203.0.113.7", "from_operator": "UNICOM", "package_loss": "0%"}]}}),
    "firewall": Fault("network", "NOTE", "none of WeChat's pings is answered", "firewall", sim={"callback_check": {
        "dns": [{"ip": "203.0.113.7"}], "ping": [{"ip": "203.0.113.7", "from_operator": "CAP", "package_loss": "100%"}]}}),
    "unsaved": Fault("network", "NOTE", "once the callback's address is saved in the console", rule=errcode(40097, CHECK)),
    "noingress": Fault("callback", "NOTE", "kabao-ingress does not answer at 127.0.0.1:", "start it before you save the address"),
}


def appid_of(name):
    return f"wx{list(FAULTS).index(name):016x}"


class World:
    """One simulator, one file of settings, an account for each fault; asked once."""

    def __init__(self, directory, broker, database, kafka, layout):
        self.sim = Sim(directory, self._platform(), self._script()).start()
        with Hub(self.sim, appid_of("goodhub"), SECRETS["secret"], "right") as hub:
            config = self._settings(directory, broker, database, kafka, hub)
            self.ini = config.write(directory / "live.ini")
            layout[0].make(config, kabaoctl(directory, "topics", "apply"))
            layout[1].make(config, database, kabaoctl(directory, "migrate"))
            for name, fault in FAULTS.items():
                for _ in range(fault.calls):
                    self._spend(appid_of(name))
            self.done = run_tool("kabaoctl", "check", "--live", "--json", "--export", directory, "--config", self.ini)
        self.rows = json.loads(self.done.stdout)

    @staticmethod
    def _platform():
        plain = accounts()["accounts"][0]
        return {"accounts": [{**plain, "appid": appid_of(name), **fault.sim} for name, fault in FAULTS.items()],
                "templates": [{"appid": appid_of(name), "card_id": f"p{name}{i}", **json.loads(json.dumps(template).replace("{name}", name))}
                              for name, fault in FAULTS.items() for i, template in enumerate(fault.cards)]}

    @staticmethod
    def _script():
        return [{"appid": appid_of(name), **fault.rule} for name, fault in FAULTS.items() if fault.rule]

    def _settings(self, directory, broker, database, kafka, hub):
        places = {"HUB": hub.url, "BEARER": write_secret(directory / "bearer", "wrong"),
                  "GOOD": write_secret(directory / "good", "right")}
        changes = {"account demo": None}
        for name, fault in FAULTS.items():
            keys = {key: places.get(value, value) for key, value in fault.keys.items()}
            changes[f"account {name}"] = account(directory, name, appid_of(name)) | keys
        return default_config(directory, broker, kafka.prefix, database, self.sim.url).with_(changes)

    def _spend(self, appid):
        at = ("127.0.0.1", self.sim.port)
        ask = {"grant_type": "client_credential", "appid": appid, "secret": SECRETS["secret"]}
        token = json.loads(request(at, "POST", TOKEN, json.dumps(ask)).body)["access_token"]
        request(at, "POST", f"/card/membercard/userinfo/get?access_token={token}", json.dumps({"card_id": "p", "code": "1"}))


@pytest.fixture(scope="module")
def world(tmp_path_factory, broker_server, db_server, contract, layout):
    broker_server.ensure_running()
    db_server.ensure_running()
    kafka = Kafka(broker_server.bootstrap, "t" + uuid.uuid4().hex[:10], contract)
    database = db_server.create()
    world = None
    try:
        world = World(tmp_path_factory.mktemp("live"), broker_server, database, kafka, layout)
        yield world
    finally:
        if world:
            world.sim.kill()
        kafka.close()
        kafka.delete_all()
        database.drop()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_remedy(world, name):
    fault = FAULTS[name]
    what = f"{name} card p{name}0" if fault.what == "card" else f"{name} {fault.what}"
    rows = [row for row in world.rows if row["what"].split()[0] == name]
    texts = [row["detail"] for row in rows if (row["what"], row["state"]) == (what, fault.state)]
    assert any(all(word in text for word in fault.words) for text in texts), rows
    # Nothing else of the account fails, and what could not be asked for is not called a failure.
    assert {row["what"] for row in rows if row["state"] == "FAIL"} <= {what}, rows
    if fault.state == "FAIL" and fault.what in ("address", "secret", "token"):
        assert {row["state"] for row in rows if row["what"] == f"{name} menu"} == {"SKIP"}, rows


def test_faults_are_an_exit_code_and_no_secret_is_shown(world):
    assert world.done.returncode == 78
    assert len(FAULTS) > 12
    shown = world.done.stdout + world.done.stderr
    tokens = world.sim.control("tokens")["tokens"]
    assert tokens and not [text for text in (*tokens, *SECRETS.values()) if text in shown]
    assert not [call for call in world.sim.requests() if call["path"] in ("/cgi-bin/token", "/card/update", "/cgi-bin/menu/create")]
    assert not [call for call in world.sim.requests(path=TOKEN) if (call["body"] or {}).get("force_refresh")]


class Shop:
    """Account `demo` without a fault, and the programs that a test names."""

    def __init__(self, directory, config, sim, programs):
        self.directory, self.sim, self.programs = directory, sim, programs
        self.ini = config.write(directory / "ctl.ini")

    def words(self, *more):
        return ["check", "--live", "--export", str(self.directory), "--config", str(self.ini), *more]

    def check(self, *more):
        done = run_tool("kabaoctl", *self.words("--json", *more))
        return done, json.loads(done.stdout)

    def tokens(self):
        """What state.token says."""
        return json.loads(run_tool("kabaoctl", "token", "status", "--json", "--config", self.ini).stdout)

    def file(self, name):
        return self.directory / "kabao-console-demo" / name


@pytest.fixture
def shop(tmp_path, apply, config, run, start_sim):
    def start(*names, settings=None, **platform):
        sim = start_sim(accounts(template=card(), **{"console_menu": MENU, "autoreply": REPLIES, **platform}))
        ready = config.with_(settings or {}, wechat={"base_url": sim.url}, ingress={"listen": f"127.0.0.1:{free_port()}"})
        apply(ready)
        programs = {name: run(name, ready, ready=False) for name in names}
        for program in programs.values():
            program.wait_ready()
        return Shop(tmp_path, ready, sim, programs)
    return start


def states(rows):
    return {row["what"]: row["state"] for row in rows}


def test_an_account_without_fault_is_all_ok_and_stays_as_it_is(shop):
    s = shop("ingress", "token")
    s.sim.wait_requests(2, path="/cgi-bin/ticket/getticket")
    before = s.tokens()
    done, rows = s.check()
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(states(rows).values()) == {"OK"}, rows
    assert [what for what in states(rows) if what.startswith("demo ")] == [f"demo {what}" for what in (
        "address", "secret", "token", f"card {CARD_ID}", "cards", "calls", "menu", "replies", "network", "callback")]
    # What the console has is in files that go up again.
    assert json.loads(s.file("menu.json").read_text(encoding="utf-8")) == MENU
    assert json.loads(s.file("rules.json").read_text(encoding="utf-8"))["rules"][0]["reply"]["content"] == "欢迎"
    assert json.loads(s.file("autoreply.get.json").read_text(encoding="utf-8")) == REPLIES
    assert json.loads(s.file("menu.current.json").read_text(encoding="utf-8"))["selfmenu_info"] == MENU
    # The one token that kabao-token has is still the one.
    assert s.tokens() == before and s.sim.fetches(APPID, "normal")["fresh"] == 1
    assert s.sim.fetches(APPID, "forced")["fetches"] == s.sim.fetches(APPID, "classic")["fetches"] == 0


def test_an_export_is_not_written_over(shop):
    s = shop()
    assert s.check()[0].returncode == 0
    s.file("menu.json").write_text("mine", encoding="utf-8")
    done, rows = s.check()
    assert done.returncode == 0 and s.file("menu.json").read_text(encoding="utf-8") == "mine"
    (row,) = [row for row in rows if row["what"] == "demo export"]
    assert row["state"] == "NOTE" and "menu.json is there with other content" in row["detail"] and "--yes" in row["detail"]
    assert s.check("--yes")[0].returncode == 0
    assert json.loads(s.file("menu.json").read_text(encoding="utf-8")) == MENU


def test_a_classic_token_is_never_fetched_here(shop):
    classic = {"token": {"api": "classic"}}
    s = shop(settings=classic)
    _, rows = s.check()
    (row,) = [row for row in rows if row["what"] == "demo token"]
    assert row["state"] == "FAIL" and "start kabao-token" in row["detail"]
    assert s.sim.fetches(APPID, "classic")["fetches"] == s.sim.fetches(APPID, "normal")["fetches"] == 0


def test_kabao_tokens_classic_token_is_used(shop):
    s = shop("token", settings={"token": {"api": "classic"}})
    s.sim.wait_requests(path="/cgi-bin/ticket/getticket")
    done, rows = s.check()
    assert done.returncode == 0, rows
    assert states(rows)["demo token"] == "OK"
    assert s.sim.fetches(APPID, "classic")["fetches"] == 1


def test_another_token_at_the_ingress_is_named(shop):
    s = shop("ingress")
    write_secret(s.directory / "demo.callback_token", "anotherToken1")
    _, rows = s.check()
    (row,) = [row for row in rows if row["what"] == "demo callback"]
    assert row["state"] == "FAIL" and "another Token than callback_token_file" in row["detail"]


def waiting(s, *more):
    """kabaoctl as it waits for a push."""
    child = subprocess.Popen([str(BIN / "kabaoctl"), *s.words(*more)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env=clean_env())
    told = child.stderr.readline()
    assert "waiting" in told and "for a push" in told, told + child.stderr.read()
    return child


def ended(child):
    output, errors = child.communicate(timeout=60)
    assert_no_report(errors, "kabaoctl")
    return child.returncode, output


def push_rows(output):
    return [(row["state"], row["detail"]) for row in json.loads(output) if row["what"] == "demo push"]


def test_the_first_push_is_seen_to_its_rows(shop, pusher, db):
    s = shop("ingress", "token", "member", "store")
    child = waiting(s, "--json", "--wait", "60")
    s.sim.receive("018255396048", "oGRUFjk0a1b2c3d4e5f6g7h8i9j0")
    s.sim.deliver(pusher(s.programs["ingress"]))
    status, output = ended(child)
    rows = push_rows(output)
    assert status == 0 and {state for state, _ in rows} == {"OK"}, rows
    told = [text for _, text in rows]
    steps = ["kabao.wechat.user_get_card at event.wechat", "row wechat_event", "kabao.member.changed at state.member", "row member",
             "is in its rows"]
    assert all(any(text.startswith(step) for text in told) for step in steps), told
    assert told[-1].startswith(steps[-1]) and told[0].startswith(steps[0]), told
    assert db.rows("wechat_event") and db.rows("member")
    assert "oGRUFjk0a1b2c3d4e5f6g7h8i9j0" not in output


def test_a_follower_needs_no_card_and_people_see_it_at_once(shop, pusher):
    s = shop("ingress", "store")
    child = waiting(s, "--wait", "60")
    assert pusher(s.programs["ingress"]).send(event("subscribe", EventKey="")).success
    status, output = ended(child)
    table, lines = output.split("demo callback", 1)
    assert status == 0 and "STATE" in table
    assert "OK    demo push  kabao.wechat.subscribe at event.wechat" in lines and "is in its rows" in lines, lines


@pytest.mark.parametrize("stopped, missing", [("store", "its row in wechat_event"), ("member", "the card's profile in state.member")])
def test_a_step_that_is_missing_is_named(shop, pusher, stopped, missing):
    s = shop(*(name for name in ("ingress", "token", "member", "store") if name != stopped))
    child = waiting(s, "--json", "--wait", "3")
    s.sim.receive("018255396048", "oGRUFjk0a1b2c3d4e5f6g7h8i9j0")
    s.sim.deliver(pusher(s.programs["ingress"]))
    status, output = ended(child)
    rows = push_rows(output)
    assert status == 78
    assert rows[0][1].startswith("kabao.wechat.user_get_card at event.wechat")
    assert rows[-1][0] == "FAIL" and missing in rows[-1][1] and f"no kabao-{stopped} is at work" in rows[-1][1], rows


def test_no_push_at_all_is_a_fault_with_its_remedy(shop):
    s = shop("ingress")
    status, output = ended(waiting(s, "--json", "--wait", "1"))
    ((state, text),) = push_rows(output)
    assert (status, state) == (78, "FAIL") and "is server mode on in the console" in text


def test_options_without_live_and_unknown_accounts_are_usage_errors(shop):
    s = shop()
    for words in (["--account", "demo"], ["--wait", "3"], ["--export", "x"], ["--live", "--account", "nobody"]):
        assert run_tool("kabaoctl", "check", *words, "--config", s.ini).returncode == 64, words
