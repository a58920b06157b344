"""Counts the calls of each stage by what they are made for, as a table for docs/performance.md.

``python tests/performance/calls.py --cases 200 --executions 300 --files 20``

Real cases with an invented history go from one simulator to the other. Each stage is counted by
running the stages up to it anew. Routes that are called as often for any project come last.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.corpus import Corpus, corpus, shared_data
from tests.corpus.serve import Served
from tests.corpus.setting import command, environment, write_config

STAGES = (
    ("extract",),
    ("extract", "transform", "load"),
    ("extract", "transform", "load", "validate"),
)
API = "/api/v3/projects/{projectId}"
FOR: Mapping[str, str] = {
    "GET /v2/testcases/{key}/teststeps": "test case",
    "GET /v2/testcases/{key}/attachments": "test case",
    "GET /v2/testcases/{key}/teststeps/{part}/attachments": "step of a case",
    "GET /v2/testcases/{key}": "case on no list",
    "GET /v2/testexecutions/{key}/teststeps": "execution",
    "GET /v2/testexecutions/{key}/attachments": "execution",
    "GET /v2/testexecutions/{key}/teststeps/{part}/attachments": "step result",
    "GET /v2/testcycles/{key}/attachments": "test cycle",
    "GET /v2/testplans/{key}/attachments": "test plan",
    f"POST {API}/modules": "module",
    f"POST {API}/test-cases": "test case",
    f"PUT {API}/test-cases/{{testCaseId}}/approve": "approved case",
    f"GET {API}/test-cases/{{testCaseId}}/versions/{{versionId}}/test-steps": "approved case",
    f"POST {API}/test-cycles": "test cycle (folder)",
    f"POST {API}/test-suites": "test suite",
    f"POST {API}/releases": "release",
    f"POST {API}/test-runs": "test run",
    f"POST {API}/test-runs/{{testRunId}}/test-logs": "test log",
    f"GET {API}/test-runs/{{testRunId}}/test-logs": "run with logs",
    f"POST {API}/{{objectType}}/{{objectId}}/blob-handles": "file",
    f"GET {API}/{{objectType}}/{{objectId}}/attachments": "object with files",
    f"POST {API}/settings/{{objectType}}/fields": "new field",
    f"GET {API}/settings/{{objectType}}/fields": "new field",
    f"GET {API}/test-cases": "module",
}


@attrs.frozen
class Counted:
    """The calls of one run by route, and the objects that it came upon."""

    calls: Counter[str]
    objects: Counter[str]


def main() -> int:
    """Run the stages, print the table, and return the exit code."""
    given = _options().parse_args()
    data = given.data or shared_data()
    if data is None or not data.is_dir():
        sys.stderr.write("the real cases (shared/data/mattermost) are not there; see --data\n")
        return 2
    made = corpus(data, cases=given.cases, executions=given.executions, files=given.files)
    before: Counter[str] = Counter()
    sys.stdout.write("| stage | calls | for | each | route |\n|---|---:|---|---:|---|\n")
    for stages in STAGES:
        counted = count(made, stages, given.source)
        _print(stages[-1], counted.calls - before, counted.objects)
        before = counted.calls
    return 0


def count(made: Corpus, stages: tuple[str, ...], source: str = "") -> Counted:
    with tempfile.TemporaryDirectory(prefix="ztoq-calls-") as name:
        folder = Path(name)
        made.write(folder / "corpus.json")
        with (
            Served("zephyr", "--corpus", str(folder / "corpus.json")) as zephyr,
            Served("qtest") as qtest,
        ):
            config = write_config(folder, zephyr.url, qtest.url)
            text = config.read_text("utf-8")
            config.write_text(text.replace("[sink]", f"{source}\n[sink]"), "utf-8")
            env = environment(zephyr.token, qtest.token)
            for stage in (*stages, "status"):
                done = subprocess.run(
                    command(config, "--json", stage),
                    cwd=folder,
                    env=env,
                    capture_output=True,
                    text=True,
                    check=True,
                )
            counts = json.loads(done.stdout.splitlines()[-1])["counts"]
    calls = Counter(zephyr.calls) + Counter(qtest.calls)
    return Counted(calls, _objects(made, calls, counts))


def _objects(
    made: Corpus, calls: Mapping[str, int], counts: Mapping[str, Mapping[str, int]]
) -> Counter[str]:
    """Return how many objects there are of each sort that a call is made for."""
    finished = Counter({kind: states.get("finished", 0) for kind, states in counts.items()})
    return Counter(
        {
            "test case": finished["test_case"] or sum(counts["test_case"].values()),
            "step of a case": sum(len(case["steps"]) for case in made.real.cases),
            "execution": len(made.history.executions),
            "step result": sum(len(each["results"]) for each in made.history.executions),
            "test plan": len(made.history.plans),
            "test run": finished["test_run"],
            "run with logs": finished["test_run"],
            "test log": finished["test_log"],
            "file": finished["attachment"],
            "new field": finished["field"],
            "module": calls.get(f"POST {API}/modules", 0),
            "approved case": calls.get(f"PUT {API}/test-cases/{{testCaseId}}/approve", 0),
        }
    )


def _print(stage: str, calls: Mapping[str, int], objects: Mapping[str, int]) -> None:
    rest = 0
    for route, number in sorted(calls.items(), key=lambda each: -each[1]):
        what = FOR.get(route, "")
        if not what:
            rest += number
            continue
        each = f"{number / objects[what]:.2f}" if objects.get(what) else ""
        shown = route.replace(API, "…")
        sys.stdout.write(f"| {stage} | {number:,} | {what} | {each} | `{shown}` |\n")
    sys.stdout.write(f"| {stage} | {rest:,} | reference lists, pages, files' bytes | | others |\n")


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, default=200, help="of the 4,366 real ones")
    made.add_argument("--executions", type=int, default=300)
    made.add_argument("--files", type=int, default=20)
    made.add_argument("--source", default="", metavar="LINE", help="a line for [source]")
    made.add_argument("--data", type=Path, help="the folder of the real cases")
    return made


if __name__ == "__main__":
    sys.exit(main())
