from __future__ import annotations

import io
import json

from rich.console import Console

from ztoq_core.cli.progress import Block, JsonLines, Lines, Shown
from ztoq_core.engine import Event
from ztoq_core.records import Kind


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
    with Block(console, clock) as shown:
        console.print(shown.draw())
        shown.take(count(Kind.TEST_CASE, 500, 1000))
        shown.take(count(Kind.ATTACHMENT, 33))
        clock.now = 10.0
        console.print(shown.draw())
        shown.end("load")
    seen = text(console)
    assert "load 10 s, 53 records a second" in seen
    assert "500 of 1,000" in seen
    assert "✓ load      500 of 1,000 test cases, 33 attachments (10 s)" in seen


def test_json_lines_are_rare_and_end_with_the_last_figures() -> None:
    out, clock = io.StringIO(), Clock()
    with JsonLines(out, screen(), clock) as shown:
        for done in range(1, 31):
            clock.now = done / 8
            shown.take(count(Kind.TEST_CASE, done, 30))
        shown.take(Event(stage="load", kind=Kind.TEST_CASE, text="broken \ud800", level="warning"))
        shown.take(Event(stage="load", done=3))
        shown.end("load")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
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
    with Block(block) as drawn:
        drawn.take(event)
    with JsonLines(events, screen()) as told:
        told.take(event)
    assert text(lines).strip().endswith("(queue 41 of 64)")
    assert "queue 41 of 64" in text(block)
    assert json.loads(events.getvalue()) == {
        "event": "progress",
        "stage": "load",
        "kind": "test_case",
        "done": 1,
        "total": None,
        "queued": 41,
        "room": 64,
    }
