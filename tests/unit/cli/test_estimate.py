"""What a stopped run says of the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from ztoq_core.cli.estimate import RemainingWork, StageStats
from ztoq_core.engine import Edge, Event
from ztoq_core.http.limits import Limit, LimitReached, Limits
from ztoq_core.migration.calls import Month
from ztoq_core.records import Kind
from ztoq_core.store import Store
from ztoq_core.time_window import TimeWindow

HOST = "desk"
NOVEMBER = datetime(2026, 11, 25, tzinfo=UTC)


@attrs.define
class Run:
    """A run that read ``done`` of ``total`` cases with two calls each."""

    folder: Path
    done: int = 100
    total: int = 12_500
    limits: Limits = attrs.field(factory=lambda: Limits(most=5000, clock=lambda: NOVEMBER))

    def says(
        self, stopped: LimitReached, left: int | None = None, allowed: int | None = None
    ) -> str:
        stage = StageStats(limits=self.limits)
        stage.take(Event(stage="extract", edge=Edge.BEGIN))
        for number in range(1, self.done + 1):
            self.limits.spent(HOST)
            self.limits.spent(HOST)
            stage.take(Event(stage="extract", kind=Kind.TEST_CASE, done=number, total=self.total))
        month = Month(host=HOST, month="2026-11", made=200, run=200, left=left, allowed=allowed)
        ended = RemainingWork(stopped=stopped, limits=self.limits, stage=stage, months=[month])
        with Store(f"sqlite:///{self.folder}/s.db") as store:
            return "\n".join(ended.sentences(store))


CALLS = LimitReached(limit=Limit.CALLS, text="the calls are made")


def test_the_rest_is_told_in_records_calls_and_runs(tmp_path: Path) -> None:
    assert Run(tmp_path).says(CALLS) == (
        "Calls made in this run: 200 to desk.\n"
        "At least 12,400 records are left to read, at 2.0 calls each: 24,800 calls; that takes 5 "
        "more such runs."
    )
    assert Run(tmp_path, total=200).says(CALLS).endswith("200 calls; one more such run does it.")


def test_calls_for_pictures_are_told_apart(tmp_path: Path) -> None:
    limits = Limits(most=5000)
    limits.calls.update({"files.example": 900})
    limits.made = 900
    said = Run(tmp_path, limits=limits).says(CALLS)
    assert said.startswith("Calls made in this run: 200 to desk, 900 to other hosts, for pictures.")


@pytest.mark.parametrize(
    ("left", "allowed", "said"),
    [
        (0, 80_000, "that fits after 1 December."),
        (10_000, 80_000, "10,000 fit into this month, the rest after 1 December."),
        (0, 8_000, "at 8,000 a month that takes 4 more months."),
        (30_000, 80_000, "that takes 5 more such runs."),
    ],
)
def test_what_does_not_fit_into_the_month_waits_for_the_next(
    tmp_path: Path, left: int, allowed: int, said: str
) -> None:
    text = Run(tmp_path).says(CALLS, left, allowed)
    assert f"Left this month (UTC) for desk: {left:,} calls." in text
    assert text.endswith(said)


def test_a_shut_window_is_told_with_the_windows_that_the_rest_needs(tmp_path: Path) -> None:
    hours = TimeWindow.parse("20:00-06:00")
    shut = LimitReached(limit=Limit.WINDOW, text="shut", window=hours)
    assert Run(tmp_path).says(shut).endswith("that fits into the next window (20:00-06:00).")


def test_the_end_of_the_time_is_told_with_the_time_that_the_rest_takes(tmp_path: Path) -> None:
    over = LimitReached(limit=Limit.UNTIL, text="late")
    assert "at the speed of this run that takes" in Run(tmp_path).says(over)


def test_few_records_give_no_estimate(tmp_path: Path) -> None:
    text = Run(tmp_path, done=10).says(CALLS)
    assert text.endswith("this run did too few to say how many calls that takes.")


def test_nothing_is_said_of_a_rest_that_is_none(tmp_path: Path) -> None:
    assert Run(tmp_path, total=100).says(CALLS) == "Calls made in this run: 200 to desk."
