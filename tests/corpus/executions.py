"""The executions of the corpus: what was run, when, by whom, and everything that goes wrong.

``SHARES`` says what is planted, each execution having one of the traits; texts, people, statuses
and environments are drawn freely beside that.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.corpus.invent import (
    DEFAULT_STATUS,
    PROJECT,
    REVERSED,
    History,
    stamp,
)
from tests.corpus.real import Json, Real, calls

SHARES = {
    "drift": 0.11,
    "rows": 0.06,
    "called": 0.06,
    "undated": 0.06,
    "adhoc": 0.06,
    "again": 0.06,
    "defects": 0.06,
    "foreign": 0.015,
    "missing": 0.01,
    "waiting": 0.06,
    "untouched": 0.05,
    "custom": 0.04,
    "partial": 0.05,
}
"""What share of the executions has which trait; the rest is plain."""

ENVIRONMENTS = ("Chrome", "Firefox", "Desktop app", "Android", None, None)
EXECUTED = ("Pass", "Pass", "Pass", "Fail", "Blocked", "In Progress")
COMMENTS = (
    None,
    None,
    "",
    "Looks good",
    "<p>Checked on <b>build 5.3</b><br/>twice</p>",
    "Grüße — см. лог 🚀 &amp; more",
    "See [~not a parameter] here",
)


class Inventor:
    """Makes the executions of one history. Cases of the four pools serve the traits that need them.

    ``joining`` cases have inline steps of pairwise different texts, so that no two ways of joining
    results to steps exist.
    """

    def __init__(self, real: Real, history: History, seed: int) -> None:
        self.rng = random.Random(f"{seed}/executions")
        self.real = real
        self.history = history
        self.number = 0
        self.row_number = 10_000_000
        self.used: set[tuple[str | None, str, str | None]] = set()
        self.plain = [case["key"] for case in real.cases if not calls(case)]
        self.calling = [case["key"] for case in real.cases if calls(case)]
        self.joining = [key for key in self.plain if self._joins(real.by_key[key])]
        self.longer = [key for key in self.joining if len(real.by_key[key]["steps"]) > 1]

    def make(self, count: int) -> list[Json]:
        """Return ``count`` executions, mixed, with ascending ids."""
        traits = [trait for trait, share in SHARES.items() for _ in range(round(share * count))]
        traits += ["plain"] * (count - len(traits))
        self.rng.shuffle(traits)
        again: list[Json] = []
        found: list[Json] = []
        for trait in traits:
            if trait == "again":
                each = self._again(again)
                again.append(each)
            else:
                make: Callable[[], Json] = getattr(self, f"_{trait}", self._any)
                each = make()
            each["trait"] = trait
            found.append(each)
        return found

    # ------------------------------------------------------------------------------------- traits

    def _any(self) -> Json:
        return self._execution(self.rng.choice(self.plain))

    def _drift(self) -> Json:
        each = self._execution(self.rng.choice(self.joining))
        results = each["results"]
        at = self.rng.randrange(len(results))
        way = self.rng.choice(["edited", "added", "swapped"])
        if way == "swapped" and len(results) > 1:
            results.reverse()
        elif way == "added":
            results.insert(at, self._result("Once there was this step", None, "It worked", "Pass"))
        else:
            old = results[at]["description"] or ""
            results[at]["description"] = f"{old}<p>as it was worded in 2020</p>"
        return each

    def _rows(self) -> Json:
        each = self._execution(self.rng.choice(self.joining))
        once = each["results"]
        each["results"] = [
            self._result(
                old["description"],
                old["testData"],
                old["expectedResult"],
                self.rng.choice(["Pass", "Fail", "Blocked", "Pass"]),
                row=row,
            )
            for row in range(1, self.rng.randrange(3, 5))
            for old in once
        ]
        return each

    def _called(self) -> Json:
        return self._execution(self.rng.choice(self.calling or self.plain))

    def _undated(self) -> Json:
        each = self._execution(self.rng.choice(self.plain), straight=True)
        each["ended"] = None
        return each

    def _adhoc(self) -> Json:
        return self._execution(self.rng.choice(self.plain), cycle=False)

    def _again(self, before: list[Json]) -> Json:
        if len(before) % 3 == 0:
            return self._execution(self.rng.choice(self.plain))
        last = before[-1]
        place = (last["cycle"], last["environment"])
        if len(before) % 3 == 2 and self._ends_later(last):
            return self._execution(last["testCase"], place=place, status=DEFAULT_STATUS)
        each = self._execution(last["testCase"], place=place)
        # of the same minute and even the same second; the number decides then
        moment = datetime.strptime(last["ended"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        each["ended"] = stamp(moment + timedelta(seconds=self.rng.choice([0, 7, 86_400])))
        return each

    def _defects(self) -> Json:
        each = self._execution(self.rng.choice(self.joining), status="Fail")
        each["issues"] = [self._issue() for _ in range(self.rng.choice([1, 1, 2]))]
        if self.rng.random() < 0.4:
            self.rng.choice(each["results"])["issues"] = [self._issue()]
        return each

    def _foreign(self) -> Json:
        case = self.rng.choice(self.history.foreign_cases)
        return self._execution(case["key"], steps=case["steps"])

    def _missing(self) -> Json:
        number = 900_000 + self.rng.randrange(8)
        step: Json = {
            "description": f"Do what {number} did",
            "testData": "x",
            "expectedResult": "y",
        }
        return self._execution(f"{PROJECT}-T{number}", steps=[{"inline": step, "testCase": None}])

    def _waiting(self) -> Json:
        each = self._execution(
            self.rng.choice(self.plain), straight=True, status=DEFAULT_STATUS, wordy=True
        )
        each["comment"] = self.rng.choice(["Blocked by the <i>upgrade</i>", "Ask Zoë first"])
        return each

    def _untouched(self) -> Json:
        return self._execution(self.rng.choice(self.plain), status=DEFAULT_STATUS)

    def _custom(self) -> Json:
        return self._execution(
            self.rng.choice(self.plain),
            status=self.rng.choice(["Pass with remarks", "Retest", "Skipped"]),
        )

    def _partial(self) -> Json:
        each = self._execution(self.rng.choice(self.longer or self.joining))
        count = self.rng.randrange(len(each["results"]))
        keep = sorted(self.rng.sample(range(len(each["results"])), count))
        each["results"] = [each["results"][index] for index in keep]
        return each

    # -------------------------------------------------------------------------------------- parts

    def _execution(  # noqa: PLR0913 - each is one thing to vary
        self,
        case: str,
        *,
        cycle: bool = True,
        straight: bool = False,
        status: str = "",
        steps: list[Json] | None = None,
        place: tuple[str | None, str | None] | None = None,
        wordy: bool = False,
    ) -> Json:
        rng = self.rng
        self.number += 1
        if place is None:
            place = self._place(case, cycle=cycle, straight=straight)
        untouched = status == DEFAULT_STATUS
        status = status or rng.choice(EXECUTED)
        if steps is None:
            steps = self._expanded(self.real.by_key[case])
        results = []
        for step in steps:
            inline = step["inline"]
            outcome = DEFAULT_STATUS if untouched else rng.choice([status, "Pass", DEFAULT_STATUS])
            results.append(
                self._result(
                    inline["description"], inline["testData"], inline["expectedResult"], outcome
                )
            )
        moment = datetime(2021, 1, 4, 9, tzinfo=UTC) + timedelta(
            minutes=rng.randrange(900_000), seconds=rng.randrange(60)
        )
        silent = untouched and not wordy
        return {
            "id": 50_000_000 + self.number,
            "key": f"{PROJECT}-E{self.number}",
            "testCase": case,
            "cycle": place[0],
            "environment": place[1],
            "status": status,
            "ended": None if untouched else stamp(moment),
            "duration": None if untouched else rng.choice([None, 0, 1_000, 61_000, 3_599_999]),
            "executedBy": None if untouched else rng.choice([*self.history.accounts, None]),
            "assignedTo": None if silent else rng.choice([*self.history.accounts, None]),
            "comment": None if untouched else rng.choice(COMMENTS),
            "automated": rng.random() < 0.1 and not untouched,
            "customFields": {
                "Browser mode": None if silent else rng.choice(["dark", "light", None]),
                "Minutes": None if silent else rng.choice([None, 5, 12.5]),
                "Device": "" if silent else rng.choice(["", "Pixel 6", "iPhone ≥ 12"]),
                "Retest needed": not silent and rng.random() < 0.3,
            },
            "issues": [],
            "results": results,
        }

    def _place(self, case: str, *, cycle: bool, straight: bool) -> tuple[str | None, str | None]:
        """Draw a cycle and an environment in which the case was not executed yet.

        ``straight``: not one of the cycles with reversed dates, whose end is a matter of opinion.
        """
        cycles = [
            each["key"]
            for number, each in enumerate(self.history.cycles, start=1)
            if not (straight and number in REVERSED)
        ]
        while True:
            key = self.rng.choice(cycles) if cycle else None
            environment = self.rng.choice(ENVIRONMENTS)
            if (key, case, environment) not in self.used:
                self.used.add((key, case, environment))
                return key, environment
            if len(self.used) % 7 == 0:  # a small cut may have used all combinations of this case
                self.used.discard((key, case, environment))

    def _ends_later(self, execution: Json) -> bool:
        """Tell whether the cycle was planned to end after ``execution``.

        Only then the next one, not executed, is the newest both by its number and by its dates.
        """
        for each in self.history.cycles:
            if each["key"] == execution["cycle"]:
                start, end = each["plannedStartDate"], each["plannedEndDate"]
                return bool(start and end and execution["ended"] < min(start, end))
        return False

    def _expanded(self, case: Json) -> list[Json]:
        found: list[Json] = []
        for step in case["steps"]:
            call = step["testCase"]
            found += self._expanded(self.real.by_key[call["testCaseKey"]]) if call else [step]
        return found

    def _result(
        self,
        description: str | None,
        data: str | None,
        expected: str | None,
        status: str,
        row: int | None = None,
    ) -> Json:
        self.row_number += 1
        actual = self.rng.choice([None, "", "As expected", "<p>Shows <b>an error</b> ≠ ok</p>"])
        return {
            "id": self.row_number,
            "description": description,
            "testData": data,
            "expectedResult": expected,
            "actualResult": None if status == DEFAULT_STATUS else actual,
            "row": row,
            "status": status,
            "issues": [],
        }

    def _issue(self) -> Json:
        known = self.rng.random() < 0.7
        number = self.rng.randrange(1, 41) + (500_000 if known else 900_000)
        return {"id": self.rng.randrange(10**8), "issueId": number, "type": "BLOCKS"}

    @staticmethod
    def _joins(case: Json) -> bool:
        texts = [
            (step["inline"]["description"], step["inline"]["testData"])
            for step in case["steps"]
            if step["inline"]
        ]
        wordy = all(description and description.strip() for description, _ in texts)
        return bool(texts) and wordy and len(set(texts)) == len(texts)
