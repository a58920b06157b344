"""Shows progress: live bars on a terminal, plain lines otherwise, or JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Self

import attrs
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from ztoq_core.cli.lines import event_line, one_line
from ztoq_core.engine import Edge, Event
from ztoq_core.http.limits import Limits
from ztoq_core.records import Kind, counted, plain
from ztoq_core.waits import Wait

LINE_EVERY_S = 2.0
EVENT_EVERY_S = 1.0
WAIT_EVERY_S = 60.0
FRAMES_PER_S = 4


@attrs.define
class Stage:
    """The figures of one stage: how many records of each kind are done, of how many."""

    name: str = ""
    began: float = 0.0
    done: dict[Kind, int] = attrs.field(factory=dict)
    totals: dict[Kind, int] = attrs.field(factory=dict)
    queued: int = 0
    room: int = 0

    def take(self, event: Event) -> None:
        """Take the latest figures."""
        if event.kind is not None and not event.text:
            self.done[event.kind] = event.done
            if event.total is not None:
                self.totals[event.kind] = event.total
            self.queued, self.room = event.queued, event.room

    @property
    def queue(self) -> str:
        """How full the queue is: ``queue 41 of 64``; empty if there is none."""
        return f"queue {self.queued} of {self.room}" if self.room else ""

    def figures(self) -> str:
        """Return the figures as one line: ``120 of 4,366 test cases, 33 attachments``."""
        parts = []
        for kind in Kind:
            done, total = self.done.get(kind, 0), self.totals.get(kind, 0)
            if total and total >= done:
                parts.append(f"{done:,} of {counted(total, kind)}")
            elif done:
                parts.append(counted(done, kind))
        return ", ".join(parts) or "nothing to do"


def _calls(limits: Limits) -> tuple[int, int, int]:
    return limits.made, limits.refusals, limits.retries


class Shown:
    """Shows only warnings and errors; the subclasses add figures.

    ``limits`` are the command's, which count its calls.
    """

    limits = Limits()
    _calls_before = (0, 0, 0)

    def __init__(self, err: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Print to ``err``; ``clock`` returns seconds."""
        self._err = err
        self._clock = clock
        self._stage = Stage("", clock())
        self._waits: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def take(self, event: Event) -> None:
        """Take an event of the engine."""
        if event.edge is Edge.END:
            self.end(event.stage)
            return
        if event.stage:
            self._begin(event.stage)
        if event.edge is Edge.BEGIN:
            return
        self._stage.take(event)
        if event.text:
            self._sentence(event)
        else:
            self._figures(event)

    def _begin(self, stage: str) -> None:
        if stage != self._stage.name:
            self._stage = Stage(stage, self._clock())
            self._calls_before = _calls(self.limits)

    def _calls_made(self) -> tuple[int, int, int]:
        """Return the calls of the stage, how many were refused, and how many sent again."""
        now, before = _calls(self.limits), self._calls_before
        return now[0] - before[0], now[1] - before[1], now[2] - before[2]

    def end(self, stage: str) -> None:
        """Show that a stage has ended."""

    def waiting(self, waits: Sequence[Wait], now: float) -> None:
        """Show the waits at ``now``, each once a minute."""
        for wait in waits:
            if self._clock() - self._waits.get(wait.what, float("-inf")) >= WAIT_EVERY_S:
                self._waits[wait.what] = self._clock()
                self._wait(wait.text(now))

    def _wait(self, sentence: str) -> None:
        self._err.print(sentence, style="yellow")

    def _sentence(self, event: Event) -> None:
        if event.level != "info":
            self._err.print(f"{event.level}: {event.text}", style="yellow")

    def _figures(self, event: Event) -> None:
        pass

    def _summary(self, stage: str) -> str:
        self._begin(stage)
        seconds = self._clock() - self._stage.began
        costs = [f"{seconds:,.0f} s", *_named_calls(*self._calls_made())]
        return f"{stage:<9} {self._stage.figures()} ({', '.join(costs)})"


def _named_calls(calls: int, refusals: int, retries: int) -> Iterator[str]:
    if calls:
        yield counted(calls, "call")
    if refusals:
        yield f"{refusals:,} refused as too many"
    if retries:
        yield f"{retries:,} sent again"


class Lines(Shown):
    """A line at most every two seconds, for files and pipes."""

    _last = float("-inf")

    def end(self, stage: str) -> None:
        """Print the figures at the end of a stage."""
        self._err.print(self._summary(stage))
        self._last = self._clock()

    def _sentence(self, event: Event) -> None:
        if event.level == "info":
            self._err.print(f"{event.stage:<9} {event.text}" if event.stage else event.text)
        else:
            super()._sentence(event)

    def _figures(self, event: Event) -> None:
        if self._clock() - self._last >= LINE_EVERY_S:
            self._last = self._clock()
            costs = [*_named_calls(*self._calls_made()), *filter(None, [self._stage.queue])]
            said = f" ({', '.join(costs)})" if costs else ""
            self._err.print(f"{event.stage:<9} {self._stage.figures()}{said}")


class Bars(Lines):
    """A bar for each kind, drawn four times a second; sentences scroll by above them."""

    def __init__(self, err: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Draw on the terminal ``err``."""
        super().__init__(err, clock)
        self._tasks: dict[Kind, TaskID] = {}
        self._drawn = _Drawn(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[percent]:>4}", markup=False),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=err,
            refresh_per_second=FRAMES_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_time=clock,
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._drawn.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bars; the lines above them stay."""
        self._drawn.stop()

    def end(self, stage: str) -> None:
        """Replace the bars by one line about the stage."""
        self._err.print(Text("✓ ", style="green") + Text(self._summary(stage)))
        self._stage = Stage("", self._clock())
        self._clear()

    def draw(self) -> Group:
        """Return what is drawn at the moment."""
        return Group(*self._drawn.get_renderables())

    def waiting(self, waits: Sequence[Wait], now: float) -> None:
        """Show the waits below the bars."""
        self._drawn.below = [Text(one_line(each.text(now)), style="yellow") for each in waits]

    def take(self, event: Event) -> None:
        """Take an event of the engine."""
        if event.stage and event.stage != self._stage.name:
            self._clear()
        super().take(event)
        if event.edge is Edge.END:
            return
        seconds = max(self._clock() - self._stage.began, 0.001)
        rate = sum(self._stage.done.values()) / seconds
        calls = _named_calls(*self._calls_made())
        costs = [f"{rate:,.0f} records a second", *calls, *filter(None, [self._stage.queue])]
        self._drawn.above = Text.assemble(
            (f"{self._stage.name} ", "bold"), (", ".join(costs), "dim")
        )

    def _figures(self, event: Event) -> None:
        if event.kind is None:
            return
        count, total = self._stage.done[event.kind], self._stage.totals.get(event.kind)
        known = total if total and total >= count else None
        if event.kind not in self._tasks:
            words = f"{plain(event.kind)}s"
            self._tasks[event.kind] = self._drawn.add_task(words, figures="", percent="")
        self._drawn.update(
            self._tasks[event.kind],
            total=known,
            completed=count,
            figures=f"{count:,} of {known:,}" if known else f"{count:,}",
            percent=f"{100 * count // known}%" if known else "",
        )

    def _clear(self) -> None:
        for task in self._tasks.values():
            self._drawn.remove_task(task)
        self._tasks.clear()
        self._drawn.above, self._drawn.below = Text(""), []


class _Drawn(Progress):
    """Bars with lines above and below them; no line above if there are no bars."""

    above = Text("")
    below: Sequence[Text] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.tasks:
            yield self.above
            yield self.make_tasks_table(self.tasks)
        yield from self.below


class JsonLines(Shown):
    """One event per line; figures of a kind at most once a second, and at the end of a stage."""

    def __init__(
        self, out: IO[str], err: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Write to ``out``."""
        super().__init__(err, clock)
        self._out = out
        self._told: dict[Kind, float] = {}

    def end(self, stage: str) -> None:
        """Write the figures at the end of a stage."""
        summary = self._summary(stage)
        for kind in self._stage.done:
            self._write("progress", **self._counted(kind))
        calls, refusals, retries = self._calls_made()
        self._write(
            "end", stage=stage, text=summary, calls=calls, refusals=refusals, retries=retries
        )
        self._told.clear()

    def _sentence(self, event: Event) -> None:
        kind = {"kind": event.kind.value} if event.kind else {}
        self._write("text", stage=event.stage, **kind, level=event.level, text=event.text)

    def _wait(self, sentence: str) -> None:
        self._write("wait", stage=self._stage.name, text=sentence)

    def _figures(self, event: Event) -> None:
        if event.kind is None:
            return
        now = self._clock()
        if now - self._told.get(event.kind, float("-inf")) >= EVENT_EVERY_S:
            self._told[event.kind] = now
            self._write("progress", **self._counted(event.kind))

    def _counted(self, kind: Kind) -> dict[str, object]:
        stage = self._stage
        figures: dict[str, object] = {
            "stage": stage.name,
            "kind": kind.value,
            "done": stage.done[kind],
            "total": stage.totals.get(kind),
        }
        return figures | ({"queued": stage.queued, "room": stage.room} if stage.room else {})

    def _write(self, event: str, **facts: object) -> None:
        self._out.write(event_line(event, **facts))
        self._out.flush()
