"""What each object of the corpus must become: rules written by hand from the design, section 4.

Nothing here asks ztoq. Texts are compared as ``texts.text`` reads them; every rule stands in one
function, named after what it is about.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from tests.corpus.invent import DEFAULT_STATUS, FOREIGN, History
from tests.corpus.pictures import case_texts, digest, files_of, log_texts, step_texts
from tests.corpus.real import Json, Real
from tests.corpus.texts import pictures, text

FileKey = tuple[str, str]
"""Name and digest of a file."""


@dataclass(kw_only=True)
class ExpectedStep:
    """A step; ``called`` is the key of the case that it calls, ``fields`` are its own fields.

    ``shows`` are the digests of the pictures in its texts, in their order.
    """

    description: str = ""
    data: str = ""
    expected: str = ""
    shows: list[str] = field(default_factory=list)
    called: str = ""
    fields: dict[str, object] = field(default_factory=dict)
    files: list[FileKey] = field(default_factory=list)


@dataclass(kw_only=True)
class ExpectedCase:
    """A case. ``origin`` is ``own``, ``foreign``, ``gone`` or ``documents`` (of a cycle).

    ``steps`` is empty for ``gone`` ones without results. ``issues`` are the coverage links' ids.
    """

    key: str
    name: str
    module: tuple[str, ...]
    origin: str = "own"
    objective: str | None = ""
    precondition: str | None = ""
    steps: list[ExpectedStep] = field(default_factory=list)
    fields: dict[str, object] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    files: list[FileKey] = field(default_factory=list)
    executed: bool = False


@dataclass(kw_only=True)
class ExpectedLog:
    """A log. ``joined`` maps step paths (``"2"``, ``"2/1"``) to results; None where they drifted.

    ``end`` None: the configured date, since nothing else is known.
    """

    key: str
    status: str
    dated: bool
    start: datetime | None
    end: datetime | None
    comment: str
    executed_by: str
    joined: dict[str, list[Json]] | None
    results: list[Json]
    issues: list[int]
    fields: dict[str, object]
    files: list[FileKey]
    step_files: dict[str, list[FileKey]] = field(default_factory=dict)


@dataclass(kw_only=True)
class ExpectedRun:
    """A run: one case in one cycle (None: outside) and environment (None: not told)."""

    cycle: str | None
    case: str
    environment: str | None
    name: str
    logs: list[ExpectedLog] = field(default_factory=list)


@dataclass(kw_only=True)
class Expected:
    """The whole target; cycles and plans are the source's own dicts, with their files beside."""

    modules: set[tuple[str, ...]]
    cycle_folders: set[tuple[str, ...]]
    cases: dict[str, ExpectedCase]
    runs: list[ExpectedRun]
    cycles: list[Json]
    plans: list[Json]
    cycle_paths: dict[str, tuple[str, ...]]
    plan_paths: dict[str, tuple[str, ...]]
    plan_files: dict[str, list[FileKey]]
    file_count: int


def expectations(real: Real, history: History) -> Expected:
    """State the target of the corpus."""
    return _Rules(real, history).state()


def one_line(name: str) -> str:
    """Names stand on one line: newlines become spaces; how many is no matter."""
    return " ".join(name.split())


def empty(value: object) -> bool:
    """Tell whether a field holds nothing; an unticked checkbox is a value."""
    return value is None or value in ("", [])


EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class _Rules:
    def __init__(self, real: Real, history: History) -> None:
        self.real = real
        self.history = history
        self.files: dict[tuple[str, str, int | None], list[FileKey]] = defaultdict(list)
        for file in history.files:
            key = (file["name"], sha256(file["content"]).hexdigest())
            self.files[file["owner_kind"], file["owner"], file["part"]].append(key)
        self.cycles = {each["key"]: each for each in history.cycles}
        names = {each["id"]: each["name"] for each in real.statuses}
        self.status_names = names
        self.priority_names = {each["id"]: each["name"] for each in real.priorities}

    def state(self) -> Expected:
        case_paths = self._paths(self.real.folders)
        other_paths = self._paths(self.history.folders)
        cases = {each["key"]: self._case(each, case_paths) for each in self.real.cases}
        executed = {each["testCase"] for each in self.history.executions}
        for each in self.history.foreign_cases:
            if each["key"] in executed:
                cases[each["key"]] = self._foreign(each)
        for key in sorted(executed - cases.keys()):
            cases[key] = self._gone(key)
        for cycle in self.history.cycles:
            if files := self.files["cycle", cycle["key"], None]:
                name = f"Attachments of {cycle['key']}"
                cases[name] = ExpectedCase(
                    key=name,
                    name=name,
                    module=("Cycle documents",),
                    origin="documents",
                    files=files,
                )
        for key in executed:
            cases[key].executed = True
        trees = defaultdict(set)
        for each in self.history.folders:
            trees[each["folderType"]].add(other_paths[each["id"]])
        runs = self._runs(cases)
        return Expected(
            modules={*case_paths.values(), *(each.module for each in cases.values())},
            cycle_folders=trees["TEST_CYCLE"],
            cases=cases,
            runs=runs,
            cycles=self.history.cycles,
            plans=self.history.plans,
            cycle_paths={
                each["key"]: other_paths.get(each["folder"], ()) for each in self.history.cycles
            },
            plan_paths={
                each["key"]: other_paths.get(each["folder"], ()) for each in self.history.plans
            },
            plan_files={
                each["key"]: self.files["plan", each["key"], None] for each in self.history.plans
            },
            file_count=self._file_count(cases, runs),
        )

    def _file_count(self, cases: dict[str, ExpectedCase], runs: list[ExpectedRun]) -> int:
        """Count the files, and the pictures of what is written."""
        joins = {log.key: log.joined is not None for run in runs for log in run.logs}
        shown = [
            files_of(log_texts(each, joined=joins[each["key"]]))
            for each in self.history.executions
            if each["key"] in joins
        ]
        shown += [files_of(case_texts(each)) for each in self.real.cases]
        others = [each.files for each in cases.values() if each.origin in {"gone", "foreign"}]
        return len(self.history.files) + sum(map(len, (*shown, *others)))

    def _paths(self, folders: list[Json]) -> dict[int, tuple[str, ...]]:
        by_id = {each["id"]: each for each in folders}

        def path(id_: int | None) -> tuple[str, ...]:
            return () if id_ is None else (*path(by_id[id_]["parentId"]), by_id[id_]["name"])

        return {id_: path(id_) for id_ in by_id}

    # -------------------------------------------------------------------------------------- cases

    def _case(self, case: Json, paths: dict[int, tuple[str, ...]]) -> ExpectedCase:
        return ExpectedCase(
            key=case["key"],
            name=one_line(case["name"]),
            module=paths[case["folder"]] if case["folder"] else ("No folder",),
            objective=case["objective"],
            precondition=case["precondition"],
            steps=[
                self._step(step, self.files["step", case["key"], index])
                for index, step in enumerate(case["steps"])
            ],
            fields={
                **{name: v for name, v in case["customFields"].items() if not empty(v)},
                "status": self.status_names[case["status"]],
                "priority": self.priority_names[case["priority"]],
                "labels": case["labels"],
                "component": case["component"],
                "owner": case["owner"],
                "created": case["createdOn"],
            },
            links=[str(each["issueId"]) for each in case["issues"]]
            + [each["url"] for each in case["webLinks"]],
            files=self.files["case", case["key"], None] + files_of(case_texts(case)),
        )

    @staticmethod
    def _step(step: Json, files: list[FileKey]) -> ExpectedStep:
        inline = step["inline"]
        if inline is None:
            return ExpectedStep(called=step["testCase"]["testCaseKey"])
        return ExpectedStep(
            description=text(inline["description"]),
            data=text(inline["testData"]),
            expected=text(inline["expectedResult"]),
            shows=[digest(src) for text in step_texts(step) for src in pictures(text)],
            fields={
                name: value for name, value in inline["customFields"].items() if not empty(value)
            },
            files=files,
        )

    def _foreign(self, case: Json) -> ExpectedCase:
        return ExpectedCase(
            key=case["key"],
            name=case["name"],
            module=("Other projects", FOREIGN),
            origin="foreign",
            objective=case["objective"],
            steps=[self._step(step, []) for step in case["steps"]],
            files=files_of(case_texts(case)),
        )

    def _gone(self, key: str) -> ExpectedCase:
        """Answer 404: a stub, its steps the latest executed ones."""
        latest = max(
            (each for each in self.history.executions if each["testCase"] == key),
            key=lambda each: (each["ended"] or "", each["id"]),
        )
        return ExpectedCase(
            key=key,
            name="",
            module=("Gone from Zephyr",),
            origin="gone",
            objective=None,
            precondition=None,
            files=files_of(
                each[name]
                for each in latest["results"]
                for name in ("description", "testData", "expectedResult")
            ),
            steps=[
                ExpectedStep(
                    description=text(each["description"]),
                    data=text(each["testData"]),
                    expected=text(each["expectedResult"]),
                )
                for each in latest["results"]
            ],
        )

    # --------------------------------------------------------------------------------------- runs

    def _runs(self, cases: dict[str, ExpectedCase]) -> list[ExpectedRun]:
        grouped: dict[tuple[str | None, str, str | None], list[Json]] = defaultdict(list)
        for each in self.history.executions:
            grouped[each["cycle"], each["testCase"], each["environment"]].append(each)
        runs = []
        for (cycle, case, environment), executions in grouped.items():
            executions.sort(key=lambda each: (self._end(each) or EARLIEST, each["id"]))
            kept = [
                each
                for each in executions
                if each["status"] != DEFAULT_STATUS
                or self._carries(each)
                or (each is executions[-1] and len(executions) > 1)
            ]
            runs.append(
                ExpectedRun(
                    cycle=cycle,
                    case=case,
                    environment=environment,
                    name=cases[case].name,
                    logs=[self._log(each, cases) for each in kept],
                )
            )
        return runs

    def _carries(self, execution: Json) -> bool:
        files = self._own_files(execution) or any(
            self.files["result", execution["key"], index]
            for index in range(len(execution["results"]))
        )
        issues = execution["issues"] or any(each["issues"] for each in execution["results"])
        fields = any(
            not empty(value) and value is not False for value in execution["customFields"].values()
        )
        return bool(text(execution["comment"]) or files or issues or fields)

    def _own_files(self, execution: Json) -> list[FileKey]:
        return self.files["execution", execution["key"], None]

    def _end(self, execution: Json) -> datetime | None:
        """End: actualEndDate, else the cycle's planned end, else its planned start."""
        cycle = self.cycles.get(execution["cycle"], {})
        for value in (
            execution["ended"],
            cycle.get("plannedEndDate"),
            cycle.get("plannedStartDate"),
        ):
            if value:
                return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return None

    def _log(self, execution: Json, cases: dict[str, ExpectedCase]) -> ExpectedLog:
        end = self._end(execution)
        duration = timedelta(milliseconds=execution["duration"] or 0)
        results = execution["results"]
        joined = self._join(cases[execution["testCase"]], results, cases)
        shown = files_of(log_texts(execution, joined=joined is not None))
        files = [*self._own_files(execution), *shown]
        step_files: dict[str, list[FileKey]] = defaultdict(list)
        for index, result in enumerate(results):
            found = self.files["result", execution["key"], index]
            if joined is None:
                files += found
            else:
                path = next(path for path, rows in joined.items() if result in rows)
                step_files[path] += found
        return ExpectedLog(
            key=execution["key"],
            status=execution["status"],
            dated=bool(execution["ended"]),
            start=end - duration if end else None,
            end=end,
            comment=text(execution["comment"]),
            executed_by=execution["executedBy"] or "",
            joined=joined,
            results=results,
            issues=[each["issueId"] for each in execution["issues"]]
            + [each["issueId"] for result in results for each in result["issues"]],
            fields={
                name: value for name, value in execution["customFields"].items() if not empty(value)
            },
            files=files,
            step_files={path: found for path, found in step_files.items() if found},
        )

    def _join(
        self, case: ExpectedCase, results: list[Json], cases: dict[str, ExpectedCase]
    ) -> dict[str, list[Json]] | None:
        """Join results to today's steps by equal text in order, each row of data by itself."""
        steps = list(_flat(case, cases))
        rows: dict[int | None, list[Json]] = defaultdict(list)
        for each in results:
            rows[each["row"]].append(each)
        joined: dict[str, list[Json]] = defaultdict(list)
        for group in rows.values():
            at = 0
            for result in group:
                wanted = tuple(
                    text(result[name]) for name in ("description", "testData", "expectedResult")
                )
                while at < len(steps) and steps[at][1] != wanted:
                    at += 1
                if at == len(steps):
                    return None
                joined[steps[at][0]].append(result)
                at += 1
        return dict(joined)


def _flat(
    case: ExpectedCase, cases: dict[str, ExpectedCase], above: str = ""
) -> list[tuple[str, tuple[str, str, str]]]:
    found: list[tuple[str, tuple[str, str, str]]] = []
    for number, step in enumerate(case.steps, start=1):
        if step.called:
            found += _flat(cases[step.called], cases, f"{above}{number}/")
        else:
            found.append((f"{above}{number}", (step.description, step.data, step.expected)))
    return found
