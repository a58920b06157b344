from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest
from rich.console import Console

from ztoq_core.cli.options import Options
from ztoq_core.cli.output import Output
from ztoq_core.cli.progress import Bars, JsonLines, Lines, Shown
from ztoq_core.engine import Event
from ztoq_core.http.limits import Limits
from ztoq_core.records import Kind
from ztoq_core.waits import Wait, Waits


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def screen(*, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=terminal,
        width=100,
        color_system=None,
        markup=False,
        highlight=False,
    )


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def count(kind: Kind, done: int, total: int | None = None) -> Event:
    return Event(stage="load", kind=kind, done=done, total=total)


def test_lines_come_at_most_every_two_seconds() -> None:
    console, clock = screen(), Clock()
    with Lines(console, clock) as shown:
        for done in range(1, 100):
            clock.now = done / 8
            shown.take(count(Kind.TEST_CASE, done, 1000))
    lines = text(console).splitlines()
    assert len(lines) == 7
    assert lines[0] == "load      1 of 1,000 test cases"
    assert lines[-1] == "load      97 of 1,000 test cases"


def test_the_end_of_a_stage_sums_up() -> None:
    console, clock = screen(), Clock()
    with Lines(console, clock) as shown:
        shown.take(count(Kind.TEST_CASE, 1000, 1000))
        shown.take(count(Kind.ATTACHMENT, 33))
        clock.now = 61
        shown.end("load")
        shown.end("validate")
    assert "load      1,000 of 1,000 test cases, 33 attachments (61 s)" in text(console)
    assert "validate  nothing to do (0 s)" in text(console)


def test_sentences_are_shown_at_once() -> None:
    console = screen()
    with Lines(console, Clock()) as shown:
        shown.take(Event(stage="extract", text="a fact"))
        shown.take(Event(stage="extract", text="[bold]careful", level="warning"))
    assert text(console) == "extract   a fact\nwarning: [bold]careful\n"


def test_quiet_shows_only_what_is_wrong() -> None:
    console = screen()
    with Shown(console, Clock()) as shown:
        shown.take(Event(stage="extract", text="a fact"))
        shown.take(count(Kind.FOLDER, 1))
        shown.take(Event(stage="extract", text="careful", level="warning"))
        shown.end("extract")
    assert text(console) == "warning: careful\n"


def test_a_block_shows_bars_and_leaves_one_line_behind() -> None:
    console, clock = screen(terminal=True), Clock()
    with Bars(console, clock) as shown:
        shown.take(count(Kind.TEST_CASE, 0, 1000))
        shown.take(count(Kind.TEST_RUN, 0, 70))
        for done in range(1, 501):
            clock.now = done / 50
            shown.take(count(Kind.TEST_CASE, done, 1000))
        shown.take(count(Kind.ATTACHMENT, 33))
        console.print(shown.draw())
        shown.end("load")
    seen = text(console)
    assert "53 records a second" in seen
    assert " 50% 500 of 1,000" in seen
    assert "00:10" in seen  # what is left, at this speed
    assert "0 of 70" in seen  # not yet begun
    assert "✓ load      500 of 1,000 test cases, 0 of 70 test runs, 33 attachments (10 s)" in seen


def json_lines(out: io.StringIO) -> list[dict[str, Any]]:
    """Return the events without the times at which they were written."""
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    return [{key: line[key] for key in line if key != "time"} for line in lines]


def test_json_lines_are_rare_and_end_with_the_last_figures() -> None:
    out, clock = io.StringIO(), Clock()
    with JsonLines(out, screen(), clock) as shown:
        for done in range(1, 31):
            clock.now = done / 8
            shown.take(count(Kind.TEST_CASE, done, 30))
        shown.take(Event(stage="load", kind=Kind.TEST_CASE, text="broken \ud800", level="warning"))
        shown.take(Event(stage="load", done=3))
        shown.end("load")
    lines = json_lines(out)
    assert [line.get("done") for line in lines] == [1, 9, 17, 25, None, 30, None]
    assert lines[4] == {
        "event": "text",
        "stage": "load",
        "kind": "test_case",
        "level": "warning",
        "text": "broken \ud800",
    }
    assert lines[-1]["event"] == "end"


def test_the_fill_of_the_queue_is_shown() -> None:
    event = Event(stage="load", kind=Kind.TEST_CASE, done=1, queued=41, room=64)
    lines, block, events = screen(), screen(terminal=True), io.StringIO()
    with Lines(lines) as shown:
        shown.take(event)
    with Bars(block) as drawn:
        drawn.take(event)
        block.print(drawn.draw())
    with JsonLines(events, screen()) as told:
        told.take(event)
    assert text(lines).strip().endswith("(queue 41 of 64)")
    assert "queue 41 of 64" in text(block)
    assert json_lines(events)[0] == {
        "event": "progress",
        "stage": "load",
        "kind": "test_case",
        "done": 1,
        "total": None,
        "queued": 41,
        "room": 64,
    }


OUTAGE = Wait("qTest has not answered", since=0.0, until=55.0)


def test_a_wait_is_told_once_a_minute_on_lines_and_in_json() -> None:
    console, clock, events = screen(), Clock(), io.StringIO()
    lines, told = Lines(console, clock), JsonLines(events, screen(), clock)
    for second in range(10, 80):
        clock.now = second
        lines.waiting([OUTAGE], clock.now)
        told.waiting([OUTAGE], clock.now)
    assert text(console).splitlines() == [
        "qTest has not answered for 10 s; next try in 45 s",
        "qTest has not answered for 70 s; next try in 0 s",
    ]
    assert json_lines(events)[0] == {
        "event": "wait",
        "stage": "",
        "text": "qTest has not answered for 10 s; next try in 45 s",
    }


def test_a_wait_is_shown_below_the_bars_while_it_lasts() -> None:
    console = screen(terminal=True)
    with Bars(console, Clock()) as shown:
        shown.waiting([OUTAGE], 40.0)
        console.print(shown.draw())
        assert "qTest has not answered for 40 s; next try in 15 s" in text(console)
        shown.waiting([], 41.0)
        assert not shown.draw().renderables


async def test_a_command_shows_what_its_services_wait_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ztoq_core.cli.output.PATIENCE_S", 0.0)
    waits = Waits()
    with (
        Output(Options()).progress(waits),
        waits.on("qTest has not answered"),
        waits.on("a request is in flight", usual=True),
    ):
        await asyncio.sleep(0)
    assert capsys.readouterr().err == "qTest has not answered for 0 s\n"
    with Output(Options()).progress(waits), waits.on("a request is in flight", usual=True):
        await asyncio.sleep(0)
    assert capsys.readouterr().err == "a request is in flight for 0 s\n"


def test_the_calls_of_a_stage_are_told_with_refusals_and_repetitions() -> None:
    console, out, limits = screen(), io.StringIO(), Limits()
    with Lines(console, Clock()) as lines, JsonLines(out, screen(), Clock()) as told:
        lines.limits = told.limits = limits
        limits.made = 5  # of an earlier stage
        for shown in (lines, told):
            shown.take(count(Kind.TEST_CASE, 1, 2))
        limits.made, limits.refusals, limits.retries = 1239, 2, 3
        for shown in (lines, told):
            shown.end("load")

    costs = "(0 s, 1,234 calls, 2 refused as too many, 3 sent again)"
    assert f"load      1 of 2 test cases {costs}" in text(console)
    end = json_lines(out)[-1]
    assert (end["calls"], end["refusals"], end["retries"]) == (1234, 2, 3)
