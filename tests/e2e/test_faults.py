# SPDX-License-Identifier: Apache-2.0
"""Every fault that a test makes has its row in "What is wrong?" of deploy/OPERATING.md: what tests do to servers, programs,
answers."""
import re

from kit.servers import ROOT
from kit.symptoms import rows

FAULTS = {
    r"broker\.(freeze|stop|kill|restart)\(": "broker-away",
    r"db\.server\.(freeze|stop|kill|restart)\(": "database-away",
    r"kafka\.delete\(": "state-lost",
    r"kill_child\(|signal\.SIGKILL": "crashes",
    r"\"(cut|hang)\":|\"status\": (408|50\d)": "path-dark",
    r"token/(invalidate|expire)": "token-bad",
    r"crm\.on\([^\n]*status=50": "crm-5xx",
    r"crm\.on\([^\n]*status=410": "crm-gone",
    r"crm\.on\([^\n]*status=code": "crm-refuses",
    r"old\.on\([^\n]*status=50": "old-refuses",
    r"old\.stop\(\)": "old-away",
    r"msg_signature=\"0": "callback-token",
    r"\"max_connections\"": "connections",
    r"\"crash_limit\"": "dead-crash",
    r"outcome-unknown": "outcome-unknown",
    r"\"max_attempts\"": "dead-exhausted",
    r"Hub\(sim": "hub-away",
    r"quota={": "quota-own",
    r"kabaoctl migrate": "tables-old",
    r"foreign\(": "points-differ",
}
CLASSES = {"RETRY": "parked", "TOKEN": "token-bad", "MINUTE": "quota-minute", "DAY": "quota-day", "ALARM": "permission",
           "FINAL": "dead-rejected", "BUG": "dead-rejected"}


def test_every_fault_the_tests_make_has_a_row():
    names = {row.name for row in rows()}
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/e2e").glob("test_*.py") if path.name not in ("test_symptoms.py", "test_faults.py"))
    assert set(FAULTS.values()) | set(CLASSES.values()) <= names
    for pattern in FAULTS:
        assert re.search(pattern, text), f"no test does {pattern} any more"
    classes = dict(re.findall(r"\{(-?\d+), ERRCODE_(\w+)", (ROOT / "common/wechat/errors.c").read_text(encoding="utf-8")))
    codes = {code for code in re.findall(r"errcode\"?[:=] ?(-?\d+)", text) if code != "0"}
    unknown = {code for code in codes if CLASSES.get(classes.get(code, "RETRY")) not in names}
    assert codes and not unknown, unknown
