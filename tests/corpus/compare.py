"""Names the differences between what the corpus must become and what a qTest project holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.corpus.compare_runs import RunJudge
from tests.corpus.expect import Expected, ExpectedCase, ExpectedStep, empty, one_line
from tests.corpus.labels import (
    AD_HOC,
    CASE_LABELS,
    CYCLE_LABELS,
    DATE_LABELS,
    DOCUMENTS_MODULE,
    OWN_MODULES,
    PLAN_LABELS,
    REQUIREMENTS_MODULE,
    REVERSED_LABEL,
)
from tests.corpus.pictures import digest
from tests.corpus.reading import Found
from tests.corpus.real import Json
from tests.corpus.texts import addresses, pictures, text
from tests.corpus.values import marked, properties, same_files, same_moment, same_value

DIGEST = 64
HEADING = 60
"""The most characters that a heading between a step's description and its data may have."""


def differences(expected: Expected, found: Found) -> list[str]:
    """Return a sentence for each difference; an empty list means that all is there, once."""
    judge = _Judge(expected, found)
    judge.containers()
    judge.cases()
    judge.requirements()
    judge.releases()
    judge.suites()
    judge.wrong += RunJudge(expected, found, judge.by_key, judge.suite_ids).wrong()
    judge.files()
    return judge.wrong


def assert_same(expected: Expected, found: Found, *, shown: int = 40) -> None:
    """Fail with the first ``shown`` differences, if there are any."""
    wrong = differences(expected, found)
    lines = "\n".join(wrong[:shown])
    assert not wrong, f"{len(wrong)} differences:\n{lines}"


class _Judge:
    def __init__(self, expected: Expected, found: Found) -> None:
        self.expected = expected
        self.found = found
        self.wrong: list[str] = []
        self.by_key: dict[str, Json] = {}
        self.suite_ids: dict[str | None, int] = {}
        self.release_ids: dict[str, int] = {}

    def say(self, where: str, what: str) -> None:
        self.wrong.append(f"{where}: {what}")

    def check(self, where: str, what: str, expected: object, found: object) -> None:
        if expected != found:
            self.say(where, f"{what} is {_short(found)}, expected {_short(expected)}")

    # --------------------------------------------------------------------------------- containers

    def containers(self) -> None:
        wanted = {path[:end] for path in self.expected.modules for end in range(1, len(path) + 1)}
        self._paths("module", wanted, self.found.modules.values(), OWN_MODULES)
        folders = self.expected.cycle_folders
        wanted = {path[:end] for path in folders for end in range(1, len(path) + 1)}
        self._paths("cycle", wanted, self.found.cycles.values(), frozenset())

    def _paths(
        self,
        kind: str,
        wanted: set[tuple[str, ...]],
        found: Iterable[tuple[str, ...]],
        allowed: frozenset[tuple[str, ...]],
    ) -> None:
        counted = Counter(found)
        for path in sorted(wanted - counted.keys()):
            self.say(f"{kind} {'/'.join(path)}", "is missing")
        for path in sorted(counted.keys() - wanted - allowed):
            self.say(f"{kind} {'/'.join(path)}", "was not expected")
        for path, count in counted.items():
            if count > 1:
                self.say(f"{kind} {'/'.join(path)}", f"is there {count} times")

    # -------------------------------------------------------------------------------------- cases

    def cases(self) -> None:
        for case in self.found.cases:
            module = self.found.modules.get(case.get("parent_id", 0), ())
            key = case["name"] if module == DOCUMENTS_MODULE else marked(case)
            if key in self.by_key:
                self.say(f"case {key}", "is there twice")
            elif key not in self.expected.cases:
                self.say(f"case {key or case['name']!r}", "was not expected")
            else:
                self.by_key[key] = case
        for key, expected in self.expected.cases.items():
            if key in self.by_key:
                self._case(expected, self.by_key[key])
            else:
                self.say(f"case {key}", "is missing")

    def _case(self, expected: ExpectedCase, found: Json) -> None:
        where = f"case {expected.key}"
        if expected.name:
            self.check(where, "name", expected.name, one_line(found["name"]))
        module = self.found.modules.get(found.get("parent_id", 0), ())
        self.check(where, "module", expected.module, module)
        if expected.origin in {"own", "foreign"}:
            self._texts(expected, found)
            version = found.get("version", "")
            approved = version.endswith(".0") and version != "0.0"
            if expected.executed and not approved:
                self.say(where, f"was executed, but version {version} is not approved")
        self._steps(expected, found)
        self._properties(where, expected.fields, found, CASE_LABELS)
        same_files(self.say, where, expected.files, self.found.files["test-cases", found["id"]])

    def _texts(self, expected: ExpectedCase, found: Json) -> None:
        where = f"case {expected.key}"
        objective, description = text(expected.objective), text(found["description"])
        if not expected.links:
            self.check(where, "description", objective, description)
        elif not description.startswith(objective):
            self.say(where, f"description {_short(description)} lacks {_short(objective)}")
        for link in expected.links:
            if text(link) not in description and link not in addresses(found["description"]):
                self.say(where, f"link {link!r} is not in the description")
        wanted = addresses(expected.objective)
        if addresses(found["description"])[: len(wanted)] != wanted:
            self.say(where, "description points elsewhere")
        wanted = [digest(src) for src in pictures(expected.objective)]
        self.check(where, "pictures", wanted, self._shown(found["description"])[: len(wanted)])
        precondition = found["precondition"]
        wanted = [digest(src) for src in pictures(expected.precondition)]
        self.check(where, "pictures of precondition", wanted, self._shown(precondition))
        self.check(where, "precondition", text(expected.precondition), text(precondition))
        self.check(
            where,
            "links of precondition",
            addresses(expected.precondition),
            addresses(precondition),
        )

    def _shown(self, html: str | None) -> list[str]:
        """Return the digests of the pictures that a text shows from qTest itself."""
        ids = (src.rpartition("/")[2] for src in pictures(html))
        return [self.found.digests.get(int(id_) if id_.isdigit() else 0, id_) for id_ in ids]

    def _steps(self, expected: ExpectedCase, found: Json) -> None:
        where = f"case {expected.key}"
        steps = sorted(found.get("test_steps", []), key=lambda each: int(each["order"]))
        self.check(where, "number of steps", len(expected.steps), len(steps))
        for number, (wanted, step) in enumerate(zip(expected.steps, steps, strict=False), start=1):
            self._step(f"{where} step {number}", wanted, step)

    def _step(self, where: str, wanted: ExpectedStep, step: Json) -> None:
        called = step.get("called_test_case_id")
        if wanted.called:
            case = self.by_key.get(wanted.called, {})
            self.check(where, "called case", case.get("id"), called)
            return
        self.check(where, "called case", None, called)
        shown = self._shown(step.get("description")) + self._shown(step.get("expected"))
        self.check(where, "pictures", wanted.shows, shown)
        description = text(step.get("description"))
        if not description.startswith(wanted.description):
            self.say(where, f"is {_short(description)}, expected {_short(wanted.description)}")
        rest = description[len(wanted.description) :]
        if wanted.data not in rest:
            self.say(where, f"lacks the test data {_short(wanted.data)}")
        rest = rest.replace(wanted.data, "", 1)
        for name, value in wanted.fields.items():
            values = value if isinstance(value, list) else [value]
            if text(name) not in rest or any(text(str(each)) not in rest for each in values):
                self.say(where, f"lacks the field {name!r}")
        if len(rest) > HEADING and not wanted.fields:
            self.say(where, f"has more text than expected: {_short(rest)}")
        self.check(where, "expected result", wanted.expected, text(step.get("expected")))
        same_files(self.say, where, wanted.files, self.found.files["test-steps", step["id"]])

    def _properties(
        self, where: str, fields: dict[str, object], found: Json, labels: dict[str, str]
    ) -> None:
        shown = properties(found)
        for name, value in fields.items():
            label = labels.get(name, name)
            if empty(value):
                continue
            if label not in shown:
                self.say(where, f"has no property {label!r}")
            elif not same_value(value, shown[label]):
                self.say(where, f"{label!r} is {_short(shown[label])}, expected {_short(value)}")

    def requirements(self) -> None:
        """Only cases with coverage links make requirements; these keys are planted as unknown."""
        for each in self.found.requirements:
            module = self.found.modules.get(each.get("parent_id", 0), ())
            if module != REQUIREMENTS_MODULE:
                self.say(f"requirement {each['name']}", f"stands in {module}")

    # ------------------------------------------------------------------------------ plans, cycles

    def releases(self) -> None:
        found = {marked(each): each for each in self.found.releases}
        self.check("releases", "keys", {p["key"] for p in self.expected.plans}, set(found))
        self.check("releases", "number", len(self.expected.plans), len(self.found.releases))
        cycles = {each["key"]: each for each in self.expected.cycles}
        for plan in self.expected.plans:
            release = found.get(plan["key"])
            if release is None:
                continue
            where = f"release {plan['key']}"
            self.release_ids[plan["key"]] = release["id"]
            self.check(where, "name", plan["name"], release["name"])
            if text(plan["objective"]) not in text(release.get("description")):
                self.say(where, "lacks the objective")
            path = self.expected.plan_paths[plan["key"]]
            if path and not all(part in text(release.get("note"))[:200] for part in path):
                self.say(where, f"note does not begin with the folder {'/'.join(path)}")
            dates = [
                cycles[key][name]
                for key in plan["cycles"]
                for name in ("plannedStartDate", "plannedEndDate")
                if cycles[key][name]
            ]
            if dates:
                same_moment(self.say, where, "start", min(dates), release.get("start_date"))
                same_moment(self.say, where, "end", max(dates), release.get("end_date"))
            fields = {**plan["customFields"], **{name: plan[name] for name in PLAN_LABELS}}
            self._properties(where, fields, release, PLAN_LABELS)
            files = self.found.files["releases", release["id"]]
            same_files(self.say, where, self.expected.plan_files[plan["key"]], files)

    def suites(self) -> None:
        by_key: dict[str, Json] = {}
        for suite in self.found.suites:
            key = marked(suite)
            if suite["name"] == AD_HOC:
                key = AD_HOC
            if key in by_key:
                self.say(f"suite {key}", "is there twice")
            by_key[key] = suite
        cycles = {each["key"]: each for each in self.expected.cycles}
        if any(run.cycle is None for run in self.expected.runs):
            if AD_HOC in by_key:
                self.suite_ids[None] = by_key[AD_HOC]["id"]
            else:
                self.say(f"suite {AD_HOC}", "is missing")
        for key in sorted(by_key.keys() - cycles.keys() - {AD_HOC}):
            self.say(f"suite {key or by_key[key]['name']}", "was not expected")
        for key, cycle in cycles.items():
            if key in by_key:
                self.suite_ids[key] = by_key[key]["id"]
                self._suite(cycle, by_key[key])
            else:
                self.say(f"suite {key}", "is missing")

    def _suite(self, cycle: Json, suite: Json) -> None:
        where = f"suite {cycle['key']}"
        self.check(where, "name", cycle["name"], suite["name"])
        inside = suite["parentType"] == "test-cycle"
        path = self.found.cycles.get(suite["parentId"], ("?",)) if inside else ()
        self.check(where, "cycle", self.expected.cycle_paths[cycle["key"]], path)
        plans = [p["key"] for p in self.expected.plans if cycle["key"] in p["cycles"]]
        release = self.release_ids.get(plans[0]) if plans else None
        self.check(where, "target release", release, suite.get("target_release_id"))
        self._planned(where, cycle["plannedStartDate"], cycle["plannedEndDate"], properties(suite))
        fields = {**cycle["customFields"], **{name: cycle[name] for name in CYCLE_LABELS}}
        if len(plans) > 1 or (plans and cycle["version"]):  # one target release does not say all
            keys = "".join(f"<li>{key}</li>" for key in plans)
            more = f"<p><strong>Test plans</strong></p><ul>{keys}</ul>"
            shown = str(properties(suite).get("Description", {}).get("field_value"))
            if not shown.endswith(more):
                self.say(where, f"does not list its plans {plans}: {_short(shown)}")
            if not (cycle["webLinks"] or cycle["issues"]):  # which stand in between
                fields["description"] = (cycle["description"] or "") + more
        self._properties(where, fields, suite, CYCLE_LABELS)

    def _planned(
        self, where: str, start: str | None, end: str | None, shown: dict[str, Json]
    ) -> None:
        """Reversed dates, which the product refuses, stand as text."""
        if start and end and start > end:
            words = str(shown.get(REVERSED_LABEL, {}).get("field_value", ""))
            if start[:10] not in words or end[:10] not in words:
                self.say(where, f"{REVERSED_LABEL!r} is {words!r}, expected {start} and {end}")
            start = end = None
        for value, label in zip((start, end), DATE_LABELS, strict=True):
            if value:
                same_moment(self.say, where, label, value, shown.get(label, {}).get("field_value"))
            elif label in shown:
                self.say(where, f"{label!r} is {shown[label]}, expected nothing")

    # -------------------------------------------------------------------------------------- files

    def files(self) -> None:
        found = sum(len(files) for files in self.found.files.values())
        self.check("files", "number", self.expected.file_count, found)
        for logs in self.found.logs.values():
            for log in logs:
                steps = log.get("test_step_logs", [])
                for html in (log.get("note"), *(each.get("actual_result") for each in steps)):
                    for shown in self._shown(html):
                        if len(shown) != DIGEST:
                            self.say(f"log {log['id']}", f"shows {shown} from elsewhere")
        for path in self.found.modules.values():
            if "Created via API" in path:
                self.say("module Created via API", "was made: a case had no parent")


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) < 160 else f"{shown[:80]} … {shown[-70:]}"
