"""What the generator planted that the target cannot show: the only losses of form there may be."""

from __future__ import annotations

from collections import Counter

from tests.corpus.corpus import Corpus
from tests.corpus.pictures import files_of, log_texts
from tests.corpus.real import Json

NAMES = {
    "case-gone": "cases that answer 404",
    "step-drift": "executions of other steps",
    "defect-key-unknown": "executions with issues of unknown key",
    "requirement-key-unknown": "cases that cover issues of unknown key",
}
"""The codes of notes -> what was planted."""


def planted(corpus: Corpus) -> dict[str, int]:
    """Return how often what was planted."""
    expected = corpus.expected
    logs = [log for run in expected.runs for log in run.logs]
    untouched = len(corpus.history.executions) - len(logs)
    plan_folders = [f for f in corpus.history.folders if f["folderType"] == "TEST_PLAN"]
    covering = [
        case
        for case in corpus.real.cases
        if any(issue["type"] == "COVERAGE" for issue in case["issues"])
    ]
    joins = {log.key: log.joined is not None for log in logs}
    left_out = 0
    for each in corpus.history.executions:
        left_out += len(files_of(log_texts(each)))
        if each["key"] in joins:
            left_out -= len(files_of(log_texts(each, joined=joins[each["key"]])))
    found = {
        "cases that answer 404": sum(c.origin == "gone" for c in expected.cases.values()),
        "executions of other steps": sum(log.joined is None for log in logs),
        "executions with issues of unknown key": sum(bool(log.issues) for log in logs),
        "cases that cover issues of unknown key": len(covering),
        "skipped: test_log": untouched,
        "skipped: folder": len(plan_folders),
        "skipped: attachment": left_out,
    }
    return {name: count for name, count in found.items() if count}


def noted(report: Json) -> dict[str, int]:
    """Return the fallbacks, losses and skips of a report, in the words of ``planted``."""
    found: Counter[str] = Counter()
    for each in report["note_counts"]:
        if each["level"] != "change":
            found[NAMES.get(each["code"], each["code"])] += each["count"]
    for each in report["kinds"]:
        for state, count in each["states"].items():
            if state != "finished":
                found[f"{state}: {each['kind']}"] += count
    return dict(found)
