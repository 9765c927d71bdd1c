# SPDX-License-Identifier: Apache-2.0
"""The catalogue of metrics, what a program's page says, and promtool as the judge of pages and of alerts."""
import re
from dataclasses import dataclass

import yaml

from kit.program import http_get, parse_metrics
from kit.servers import ROOT
from kit.tools import call, needs

ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
CATALOG = ROOT / "common/metrics/catalog.h"
ADDED = {"job", "instance", "le"}  # labels that Prometheus and histograms add

_ROW = re.compile(r'X\((\w+), (COUNTER|GAUGE|HISTOGRAM), (\w+), "(\w+)", "([^"]+)", (NULL|"[^"]*"), ([^)]*)\)')
_METRIC = re.compile(r"\b(kabao_[a-z_]+|up)\b(?:\{([^}]*)\})?")
_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


@dataclass(frozen=True)
class Row:
    name: str
    type: str
    group: str
    help: str
    labels: tuple
    values: tuple  # of the one label, where all are known

    def beforehand(self):
        """Labels of the series that a page has from the start."""
        if not self.labels:
            return [{}]
        return [{self.labels[0]: value} for value in self.values]


def catalog():
    """{name: Row}"""
    text = re.sub(r"\s*\\\n\s*", " ", CATALOG.read_text(encoding="utf-8"))
    rows = {}
    for _, kind, group, name, help_, values, labels in _ROW.findall(text):
        rows[name] = Row(name, kind.lower(), group, help_, tuple(re.findall(r'"(\w+)"', labels)),
                         tuple(values.strip('"').split()) if values != "NULL" else ())
    assert len(rows) == len(re.findall(r" X\([A-Z]", text)) and rows, "catalog.h does not read as it used to"
    return rows


def problems_of(expression, rows):
    """Metrics and labels of a PromQL expression that no page has."""
    found, labels = [], set(ADDED)
    for name, selector in _METRIC.findall(expression):
        row = rows.get(name) or rows.get(_SUFFIX.sub("", name))
        if name != "up" and (row is None or (row.type == "histogram") == (name in rows)):
            found.append(f"no metric {name}")
            continue
        has = ADDED | set(row.labels if row else ())
        labels |= has
        found += [f"{name} has no label {label}" for label in re.findall(r"(\w+)\s*[=!]~?", selector) if label not in has]
    named = {label for group in _LIST.findall(expression) for label in re.findall(r"\w+", group)}
    return found + [f"no metric of it has a label {label}" for label in sorted(named - labels)]


def rules():
    """Alerting rules, as they stand in the file."""
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def page(program):
    status, text = http_get(program.admin_port, "/metrics")
    assert status == 200, text
    return text


def check_page(text):
    return call(needs("promtool"), "check", "metrics", feed=text)


def _series(name, labels):
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inner}}}"


class Story:
    """Scrapes before a fault, in it and after its cure, and which alerts that would have meant.

    Prometheus asks every 15 s and an alert wants its state for minutes; here each scrape is held for so many minutes as if
    nothing had changed meanwhile. Nothing else is made up: what stands in the input of `promtool test rules` are the
    numbers of real programs."""

    HELD = {"before": 20, "fault": 45, "cured": 80}  # minutes: more than any `for`, more than any range

    def __init__(self, directory):
        self.directory = directory
        self._states = []  # (phase, minutes, {series: number})
        self._used = {_SUFFIX.sub("", name) for rule in rules() for name, _ in _METRIC.findall(rule["expr"])}

    def scrape(self, phase, *programs, minutes=None):
        """In one of the three phases, in that order; of the fault as many as one likes."""
        seen = {}
        for number, program in enumerate(programs):
            target = {"job": "kabao", "instance": f"{program.name}-{number}"}
            seen[_series("up", target)] = 0
            if not program.running or program.probe("/metrics") != 200:
                continue
            seen[_series("up", target)] = 1
            for name, labels, value in parse_metrics(page(program)):
                if _SUFFIX.sub("", name) in self._used:
                    seen[_series(name, {**labels, **target})] = value
        self._states.append((phase, minutes or self.HELD[phase], seen))

    def judge(self, *alerts, others=()):
        """Promtool: before, nothing fires; in the fault each of these; after the cure none of them. An alert may be given
        as (name, {label: value}). `others` fire all the time, for what they look at is not part of the story."""
        end, queries = -1, []
        marks = {phase: 0 for phase in self.HELD}
        for phase, minutes, _ in self._states:
            end += minutes
            marks[phase] = end
        silent = "|".join(others) or "-"
        queries.append((marks["before"], f'ALERTS{{alertname!~"{silent}",alertstate="firing"}}', False))
        length = marks["fault"] - marks["before"]
        for alert in alerts:
            name, labels = alert if isinstance(alert, tuple) else (alert, {})
            chosen = _series("ALERTS", {"alertname": name, "alertstate": "firing", **labels})
            queries.append((marks["fault"], f"group(max_over_time({chosen}[{length}m]))", True))
            queries.append((marks["cured"], chosen, False))
        self._ask(queries, end)

    def _ask(self, queries, end):
        tests = [{"expr": expression, "eval_time": f"{at}m",
                  "exp_samples": [{"labels": "{}", "value": 1}] if fires else []} for at, expression, fires in queries]
        story = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m",
                 "tests": [{"interval": "1m", "input_series": self._input(), "promql_expr_test": tests}]}
        path = self.directory / "story.yaml"
        path.write_text(yaml.safe_dump(story, width=1 << 20), encoding="utf-8")
        call(needs("promtool"), "test", "rules", path)

    def _input(self):
        names = sorted({name for _, _, seen in self._states for name in seen})
        return [{"series": name, "values": self._values(name)} for name in names]

    def _values(self, name):
        values, known = [], False
        for _, minutes, seen in self._states:
            if name in seen:
                values += [repr(seen[name])] * minutes
            else:
                values += ["stale" if known else "_"] + ["_"] * (minutes - 1)
            known = name in seen
        return " ".join(values)
