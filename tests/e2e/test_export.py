# SPDX-License-Identifier: Apache-2.0
"""kabaoctl export and compare: what leaves as CSV comes back as the same, and every difference is named."""
import csv
import io
import json
import os
import subprocess
import sys

import pytest

from kit.config import APPID, CARD_ID
from kit.program import BIN, clean_env, run_tool

OTHER_CARD = "pGRUFjzother"
MEMBER = {"appid": APPID, "card_id": CARD_ID, "status": "NORMAL", "version": 1}
HEADER = ["card_id", "card_code", "openid", "unionid", "mobile", "membership_number", "status", "nickname", "sex",
          "bonus", "balance", "has_active", "activated_at", "previous_card_code", "outer_str"]


@pytest.fixture
def tables(tmp_path, config, db, migrate):
    """Tables, and tables.put(table, rows), tables.ctl(words)."""
    migrate(config)
    ini = config.write(tmp_path / "ctl.ini")

    class Tables:
        def put(self, table, *rows):
            for row in rows:
                names = ",".join(f"`{name}`" for name in row)
                db.query(f"INSERT INTO `{table}` ({names}) VALUES ({','.join(['%s'] * len(row))})", *row.values())

        def member(self, *rows):
            self.put("member", *({**MEMBER, **row} for row in rows))

        def ctl(self, *words):
            return run_tool("kabaoctl", *words, "--config", ini)

        def export(self, what, *words):
            done = self.ctl("export", what, "--yes", *words)
            assert done.returncode == 0, done.stderr
            return done

        def compare(self, rows, *words, header="card_id,card_code,openid,unionid,mobile,membership_number"):
            (tmp_path / "old.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
            done = self.ctl("compare", "--csv", tmp_path / "old.csv", "--json", *words)
            return done.returncode, json.loads(done.stdout)
    return Tables()


def read(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_members_leave_with_all_that_is_known(tables):
    tables.member({"card_code": "2", "openid": "oB", "mobile": "+8615500000000", "membership_number": "007",
                   "unionid": "u1", "nickname": 'Wáng "Xiǎo", 王\n小', "sex": "FEMALE", "bonus": 12, "balance": 0,
                   "has_active": True, "activated_at": "2026-01-02 03:04:05.678", "previous_card_code": "0",
                   "outer_str": "m-1"},
                  {"card_code": "1", "openid": "oA"}, {"card_code": "1", "card_id": OTHER_CARD, "openid": "oA"},
                  {"card_code": "9", "openid": "oX", "appid": "wxforeign"})
    done = tables.export("members")
    rows = read(done.stdout)
    assert list(rows[0]) == HEADER
    assert [(r["card_id"], r["card_code"]) for r in rows] == [(CARD_ID, "1"), (CARD_ID, "2"), (OTHER_CARD, "1")]
    assert rows[1] == {
        "card_id": CARD_ID, "card_code": "2", "openid": "oB", "unionid": "u1", "mobile": "+8615500000000",
        "membership_number": "007", "status": "NORMAL", "nickname": 'Wáng "Xiǎo", 王\n小', "sex": "FEMALE",
        "bonus": "12", "balance": "0", "has_active": "1", "activated_at": "2026-01-02T03:04:05.678Z",
        "previous_card_code": "0", "outer_str": "m-1"}
    assert rows[0]["bonus"] == rows[0]["has_active"] == rows[0]["activated_at"] == ""
    assert "3 rows" in done.stderr


def test_deleted_cards_and_cards_of_nobody_stay_unless_all_is_said(tables):
    tables.member({"card_code": "1", "openid": "oA"}, {"card_code": "2", "openid": "oB", "status": "DELETE"},
                  {"card_code": "3", "bonus": 5})
    done = tables.export("members")
    assert [r["card_code"] for r in read(done.stdout)] == ["1"]
    assert "1 cards that were deleted" in done.stderr and "1 cards of nobody" in done.stderr
    assert [r["card_code"] for r in read(tables.export("members", "--all").stdout)] == ["1", "2", "3"]


def test_a_nickname_is_no_formula(tables):
    tables.member({"card_code": "1", "openid": "oA", "nickname": '=HYPERLINK("http://x")', "outer_str": " @x"},
                  {"card_code": "2", "openid": "oB", "nickname": "a=b", "mobile": "+8615500000000"})
    rows = read(tables.export("members").stdout)
    assert (rows[0]["nickname"], rows[0]["outer_str"]) == ("'=HYPERLINK(\"http://x\")", "' @x")
    assert (rows[1]["nickname"], rows[1]["mobile"]) == ("a=b", "+8615500000000")


def test_points_leave_with_a_request_number_of_their_state(tables, db):
    account = {"appid": APPID, "card_id": CARD_ID, "rev": 3, "frozen": False, "updated_at": "2026-01-01"}
    tables.member({"card_code": "1", "openid": "oA"}, {"card_code": "2", "openid": "oB"}, {"card_code": "3"})
    tables.put("bonus_account", {**account, "card_code": "1", "bonus": 10, "balance": 250, "version": 7},
               {**account, "card_code": "2", "bonus": 20, "frozen": True, "moved_to": "1"},
               {**account, "card_code": "3", "bonus": 30}, {**account, "card_code": "4", "bonus": 40})
    first = read(tables.export("bonus").stdout)
    number = first[0].pop("out_request_no")
    assert len(number) == 32 and number.isalnum()
    assert first == [{"card_id": CARD_ID, "card_code": "1", "openid": "oA", "bonus": "10", "balance": "250",
                      "version": "7", "rev": "3"}]
    assert [r["card_code"] for r in read(tables.export("bonus", "--all").stdout)] == ["1", "3", "4"]
    assert read(tables.export("bonus").stdout)[0]["out_request_no"] == number
    db.query("UPDATE bonus_account SET rev=4")
    assert read(tables.export("bonus").stdout)[0]["out_request_no"] != number


def test_export_asks_and_refuses_what_it_does_not_do(tables):
    assert tables.ctl("export", "members").returncode == 64
    assert tables.ctl("export", "everything", "--yes").returncode == 64
    assert tables.ctl("export", "members", "--yes", "--json").returncode == 64
    assert tables.ctl("export", "members", "--yes", "--account", "nobody").returncode == 64


def test_export_says_when_its_output_is_gone(tables, tmp_path):
    tables.member({"card_code": "1", "openid": "oA"})
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([BIN / "kabaoctl", "export", "members", "--yes", "--config", tmp_path / "ctl.ini"],
                              check=False, stdout=full, stderr=subprocess.PIPE, env=clean_env(), text=True)
    assert done.returncode == 75 and "standard output" in done.stderr


def test_what_was_exported_compares_as_the_same(tables, tmp_path):
    tables.member(*({"card_code": f"{i:06}", "openid": f"o{i}", "mobile": f"+86155{i:08}", "nickname": '",\n='}
                    for i in range(200)),
                  {"card_code": "x1", "openid": "oX", "status": "DELETE"}, {"card_code": "x2"})
    (tmp_path / "all.csv").write_text(tables.export("members").stdout, encoding="utf-8", newline="")
    done = tables.ctl("compare", "--csv", tmp_path / "all.csv", "--json")
    assert done.returncode == 0, done.stdout
    said = json.loads(done.stdout)
    assert (said["rows"], said["members"], said["same"], said["examples"]) == (200, 201, 200, [])
    text = tables.ctl("compare", "--csv", tmp_path / "all.csv").stdout
    assert text == "200 rows in the file, 201 members here, 200 the same\n"


def test_every_kind_of_difference_is_counted_and_shown(tables):
    tables.member({"card_code": "1", "openid": "oAAAAAAAA1", "unionid": "uAAAAAAAA1", "mobile": "+8615500000001",
                   "membership_number": "1"},
                  {"card_code": "2", "openid": "oAAAAAAAA2", "mobile": "+8615500000002"},
                  {"card_code": "3", "openid": "oAAAAAAAA3"}, {"card_code": "4", "openid": "o4", "status": "DELETE"},
                  {"card_code": "5", "openid": "o5"}, {"card_code": "6", "openid": "o6", "status": "DELETE"},
                  {"card_code": "7"})
    rows = [f"{CARD_ID},1,oBBBBBBBB1,uBBBBBBBB1,155 0000 9999,one", f"{CARD_ID},2,,,155-0000-0002,",
            f"{CARD_ID},3,oaaaaaaaa3,,,", f"{CARD_ID},4,o4,,,", f"{CARD_ID},nobody,,,,", f"{OTHER_CARD},5,,,,"]
    status, said = tables.compare(rows)
    assert status == 78
    counts = {k: v for k, v in said.items() if isinstance(v, int)}
    assert counts == {"rows": 6, "members": 5, "same": 1, "only_there": 2, "only_here": 1, "deleted": 1, "twice": 0,
                      "openid": 2, "unionid": 1, "mobile": 1, "membership_number": 1}
    found = {(e["difference"], e["card_id"], e["card_code"]): (e.get("there"), e.get("here")) for e in said["examples"]}
    assert found == {
        ("only_there", CARD_ID, "nobody"): (None, None), ("only_there", OTHER_CARD, "5"): (None, None),
        ("only_here", CARD_ID, "5"): (None, None), ("deleted", CARD_ID, "4"): (None, None),
        ("openid", CARD_ID, "1"): ("oB****B1", "oA****A1"), ("openid", CARD_ID, "3"): ("oa****a3", "oA****A3"),
        ("unionid", CARD_ID, "1"): ("uB****B1", "uA****A1"), ("mobile", CARD_ID, "1"): ("15****99", "+8****01"),
        ("membership_number", CARD_ID, "1"): ("one", "1")}
    shown = tables.compare(rows, "--reveal")[1]["examples"]
    assert {"oBBBBBBBB1", "+8615500000001"} <= {text for e in shown for text in (e.get("there"), e.get("here"))}


def test_a_card_that_stands_twice_is_told_with_its_lines(tables):
    tables.member({"card_code": "1", "openid": "oA"})
    status, said = tables.compare([f"{CARD_ID},1", f"{CARD_ID},1"], header="card_id,card_code")
    assert (status, said["twice"], said["same"]) == (78, 2, 2)
    assert [e["there"] for e in said["examples"]] == ["line 2", "line 3"]


def test_examples_have_a_limit_and_counts_have_none(tables):
    rows = [f"{CARD_ID},{i}" for i in range(1000)]
    assert len(tables.compare(rows, header="card_id,card_code")[1]["examples"]) == 10
    status, said = tables.compare(rows, "--max", "3", header="card_id,card_code")
    assert (status, said["only_there"], len(said["examples"])) == (78, 1000, 3)


@pytest.mark.parametrize("text, why", [
    (b"card_id\n1\n", "no column card_code"), (b"", "no header row"), (b"card_id,card_code\nA,\n", ":2: card_id or"),
    (b"card_id,card_code\nA,\"1\n", "not closed"), (b"card_id,card_code\nA,\xd5\xc5\n", "GBK"), (None, "No such file"),
])
def test_a_file_it_cannot_read_is_a_usage_error(tables, tmp_path, text, why):
    if text is not None:
        (tmp_path / "bad.csv").write_bytes(text)
    done = tables.ctl("compare", "--csv", tmp_path / "bad.csv")
    assert done.returncode == 64 and why in done.stderr, done.stderr
    assert tables.ctl("compare").returncode == 64


# A process begins with what its parent had, in Linux' account of the most: so the parent is a small one.
MEASURE = ("import resource, subprocess, sys; status = subprocess.call(sys.argv[1:], stderr=subprocess.DEVNULL); "
           "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)")


def peak_mb(words, stdout):
    """(exit status, the most memory kabaoctl had, less what AddressSanitizer would keep of what was freed)"""
    env = clean_env({"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"})
    done = subprocess.run([sys.executable, "-c", MEASURE, BIN / "kabaoctl", *words], check=True, stdout=stdout, env=env,
                          stderr=subprocess.PIPE, text=True)
    status, peak_kb = done.stderr.split()
    return int(status), int(peak_kb) / 1024


def test_memory_does_not_grow_with_the_members(tables, tmp_path, db):
    peaks = []
    for count, path in ((1000, tmp_path / "few.csv"), (20000, tmp_path / "many.csv")):
        rows = ",".join(f"('{APPID}','{CARD_ID}','{i:012}','o{i}','{'x' * 200}',1)" for i in range(count))
        db.query(f"INSERT IGNORE INTO member (appid,card_id,card_code,openid,nickname,version) VALUES {rows}")
        with open(path, "wb") as out:
            peaks.append(peak_mb(["export", "members", "--yes", "--config", tmp_path / "ctl.ini"], out))
        with open(os.devnull, "wb") as out:
            peaks.append(peak_mb(["compare", "--csv", path, "--config", tmp_path / "ctl.ini"], out))
        assert len(path.read_bytes().splitlines()) == count + 1
    assert [status for status, _ in peaks] == [0, 0, 0, 0]
    few, many = peaks[:2], peaks[2:]
    for (_, before), (_, after) in zip(few, many, strict=True):
        assert after - before < 12, peaks
