"""Names the differences of runs and logs; called by ``compare`` when cases and suites are known."""

from __future__ import annotations

from datetime import timedelta

from tests.corpus.expect import (
    Expected,
    ExpectedCase,
    ExpectedLog,
    ExpectedRun,
    one_line,
)
from tests.corpus.labels import KEY_LABEL, RUN_LABELS, STATUSES
from tests.corpus.reading import Found
from tests.corpus.real import Json
from tests.corpus.texts import text
from tests.corpus.values import moment, properties, same_files, same_value

WORST = ("Fail", "Blocked", "In Progress", "Not Executed", "Pass")
ROUNDING = timedelta(seconds=1)


class RunJudge:
    """Compares the runs, each found by its suite, case and environment."""

    def __init__(
        self,
        expected: Expected,
        found: Found,
        cases: dict[str, Json],
        suites: dict[str | None, int],
    ) -> None:
        self.expected = expected
        self.found = found
        self.cases = cases
        self.suites = suites
        self.said: list[str] = []
        self.calling = {
            step["id"]
            for case in cases.values()
            for step in case.get("test_steps", [])
            if step.get("called_test_case_id")
        }

    def wrong(self) -> list[str]:
        """Return the differences."""
        there: dict[tuple[int, int, str], Json] = {}
        names = {case["id"]: case["name"] for case in self.cases.values()}
        for run in self.found.runs:
            case_id = run["test_case"]["id"]
            environment = _environment(run, names.get(case_id, ""))
            key = (run["parentId"], case_id, environment)
            if key in there:
                self._say(f"run {run['name']!r} {key}", "is there twice")
            there[key] = run
        for expected in self.expected.runs:
            where = f"run {expected.cycle}/{expected.case}/{expected.environment}"
            suite, case = self.suites.get(expected.cycle), self.cases.get(expected.case)
            if suite is None or case is None:
                continue  # said already
            place = (suite, case["id"], expected.environment or "")
            if place in there:
                self._run(where, expected, there.pop(place))
            else:
                self._say(where, "is missing")
        for run in there.values():
            self._say(f"run {run['name']!r}", "was not expected")
        return self.said

    def _say(self, where: str, what: str) -> None:
        self.said.append(f"{where}: {what}")

    def _run(self, where: str, expected: ExpectedRun, run: Json) -> None:
        name = one_line(run["name"])
        if expected.name and name not in {
            expected.name,
            f"{expected.name} [{expected.environment}]",
        }:
            self._say(where, f"name is {name!r}, expected {expected.name!r}")
        if KEY_LABEL not in properties(run):
            self._say(where, f"has no {KEY_LABEL!r}")
        logs = self.found.logs.get(run["id"], [])
        if len(logs) != len(expected.logs):
            keys = [each.key for each in expected.logs]
            self._say(where, f"has {len(logs)} logs, expected {len(keys)}: {keys}")
        for wanted, log in zip(expected.logs, logs, strict=False):
            self._log(f"log {wanted.key} of {where}", wanted, log, expected)
        if logs and expected.logs:
            latest = run.get("latest_test_log", {}).get("status")
            if latest != STATUSES[expected.logs[-1].status]:
                self._say(where, f"shows {latest}, but the newest is {expected.logs[-1].status}")

    def _log(self, where: str, wanted: ExpectedLog, log: Json, run: ExpectedRun) -> None:
        note = text(log.get("note"))
        if wanted.key not in note:
            self._say(where, f"is another log: {note[:100]!r}")
            return
        if log["status"]["name"] != STATUSES[wanted.status]:
            self._say(where, f"status is {log['status']['name']}, was {wanted.status}")
        if STATUSES[wanted.status] != wanted.status and wanted.status not in note:
            self._say(where, f"note does not name the status {wanted.status!r}")
        for what, expected, shown in (
            ("start", wanted.start, log["exe_start_date"]),
            ("end", wanted.end, log["exe_end_date"]),
        ):
            there = moment(shown)
            if there is None or (expected and abs(there - expected) > ROUNDING):
                self._say(where, f"{what} is {shown}, expected {expected}")
        if not wanted.dated and "date unknown" not in note.lower():
            self._say(where, "note does not say that the date is unknown")
        for value in (wanted.comment, wanted.executed_by):
            if value not in note:
                self._say(where, f"note {note[:200]!r} lacks {value!r}")
        self._issues(where, wanted, log, note)
        self._fields(where, wanted, log)
        self._steps(where, wanted, log, self.expected.cases[run.case], note)
        files = self.found.files["test-logs", log["id"]]
        same_files(self._say, where, wanted.files, files)

    def _issues(self, where: str, wanted: ExpectedLog, log: Json, note: str) -> None:
        """No key of an issue is known to anybody here: each is named in the note."""
        linked = {each["pid"] for each in log.get("defects", [])}
        for step in log.get("test_step_logs", []):
            linked |= {each["pid"] for each in step.get("defects", [])}
        for issue in wanted.issues:
            if str(issue) not in note and str(issue) not in (log.get("note") or ""):
                self._say(where, f"issue {issue} is neither linked ({linked}) nor in the note")

    def _fields(self, where: str, wanted: ExpectedLog, log: Json) -> None:
        shown = properties(log)
        for name, value in wanted.fields.items():
            label = RUN_LABELS.get(name, name)
            if label not in shown:
                if value is not False:
                    self._say(where, f"has no property {label!r}")
            elif not same_value(value, shown[label]):
                self._say(where, f"{label!r} is {shown[label]}, expected {value!r}")

    def _steps(
        self, where: str, wanted: ExpectedLog, log: Json, case: ExpectedCase, note: str
    ) -> None:
        logs = [
            each
            for each in log.get("test_step_logs", [])
            if each["test_step_id"] not in self.calling
        ]
        if wanted.joined is None:
            self._drifted(where, wanted, note)
            if any(each["status"]["name"] != "Unexecuted" for each in logs):
                self._say(where, "drifted, but has step logs with results")
            return
        steps = list(self._flat(case))
        if not wanted.joined and not logs:
            return  # nothing is known of the steps
        if len(logs) != len(steps):
            self._say(where, f"has {len(logs)} step logs, its case {len(steps)} steps")
            return
        for (path, description), step in zip(steps, logs, strict=True):
            self._step(f"{where} step {path}", wanted.joined.get(path, []), step)
            if not text(step["description"]).startswith(description):
                self._say(f"{where} step {path}", "stands at another step")
            files = self.found.files["test-step-logs", step["test_step_log_id"]]
            expected = wanted.step_files.get(path, [])
            same_files(self._say, f"{where} step {path}", expected, files)

    def _step(self, where: str, rows: list[Json], step: Json) -> None:
        worst = min((each["status"] for each in rows), key=_badness, default="Not Executed")
        if step["status"]["name"] != STATUSES[worst]:
            self._say(where, f"is {step['status']['name']}, was {worst}")
        actual = text(step.get("actual_result"))
        for each in rows:
            if text(each["actualResult"]) not in actual:
                self._say(where, f"actual result {actual!r} lacks {each['actualResult']!r}")
            if len(rows) > 1 and str(each["row"]) not in actual:
                self._say(where, f"actual result {actual!r} does not list row {each['row']}")

    def _drifted(self, where: str, wanted: ExpectedLog, note: str) -> None:
        for result in wanted.results:
            for name in ("description", "testData", "expectedResult", "actualResult", "status"):
                if text(result[name]) not in note:
                    self._say(where, f"the table in the note lacks {name} {result[name]!r}")

    def _flat(self, case: ExpectedCase, above: str = "") -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for number, step in enumerate(case.steps, start=1):
            if step.called:
                found += self._flat(self.expected.cases[step.called], f"{above}{number}/")
            else:
                found.append((f"{above}{number}", step.description))
        return found


def _environment(run: Json, case_name: str) -> str:
    """Return the environment: of the field, or in brackets after the name of the case."""
    field = properties(run).get("Environment")
    if field:
        return str(field.get("field_value_name") or field["field_value"])
    suffix = one_line(run["name"]).removeprefix(one_line(case_name))
    return suffix.strip().removeprefix("[").removesuffix("]")


def _badness(status: str) -> int:
    return WORST.index(status) if status in WORST else len(WORST)
