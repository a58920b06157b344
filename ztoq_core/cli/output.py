"""Prints for a command: data to stdout, messages and progress to stderr."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TextIO

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ztoq_core.cli.lines import event_line, one_line
from ztoq_core.cli.options import Options
from ztoq_core.cli.progress import Bars, JsonLines, Lines, Shown
from ztoq_core.engine import Event
from ztoq_core.http.limits import Limits
from ztoq_core.waits import Waits

MOST_LOG_LINES = 20

PATIENCE_S = 5.0
"""Seconds after which a wait is shown, such as an outage or a slow request."""


class _Console(Console):
    """The only writer to the terminal; shows control characters and newlines as escapes.

    Text of several lines is printed line by line (``Output.block``).
    """

    def __init__(self, file: TextIO) -> None:
        super().__init__(file=file, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, *args: Any, **more: Any) -> Text:
        """Return a string in a form that is safe to show; rich calls this for every string."""
        return super().render_str(one_line(text), *args, **more)

    def on_broken_pipe(self) -> None:
        """Raise the current BrokenPipeError; rich would exit with code 1."""
        raise sys.exception() or BrokenPipeError


def as_facts(thing: Any, *without: str) -> dict[str, Any]:
    """Return an object for a JSON result: its ``ref`` as kind and key, some fields left out."""
    facts = {
        name: value
        for name, value in attrs.asdict(thing, recurse=False).items()
        if name not in without
    }
    ref = facts.pop("ref")
    return {"kind": ref.kind.value, "key": ref.key, **facts}


class Output:
    """Prints for one command."""

    def __init__(self, options: Options) -> None:
        """Print as the ``options`` require."""
        self._options = options
        self.out = _Console(sys.stdout)
        self.err = _Console(sys.stderr)
        self._logged = 0

    @property
    def begun(self) -> bool:
        """Whether the command has begun to move records."""
        return self._options.begun

    @property
    def verbose(self) -> bool:
        """Whether ``-v`` was given."""
        return self._options.verbosity > 0

    def info(self, text: str) -> None:
        """Print a message; not with ``--quiet``."""
        if not self._options.quiet:
            self.err.print(text)

    def warning(self, text: str) -> None:
        """Print a warning."""
        self.err.print(text, style="yellow")

    def heading(self, text: str) -> None:
        """Print an empty line and a heading as data."""
        self.out.print()
        self.out.print(text)

    def block(self, text: str) -> None:
        """Print text of several lines as data."""
        for line in text.split("\n"):
            self.out.print(line)

    def table(self, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        """Print a table as data."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for place, column in enumerate(columns):
            numbers = bool(rows) and all(
                row[place].replace(",", "").isdigit() or not row[place] for row in rows
            )
            table.add_column(column, justify="right" if numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.out.print(table)

    def result(self, facts: Mapping[str, Any], print_: Callable[[], None] | None = None) -> None:
        """Print the result: ``facts`` as a line of JSON, or by calling ``print_``."""
        if self._options.as_json:
            self.out.file.write(event_line("result", verb=self._options.verb, **facts))
            self.out.file.flush()
        elif print_:
            try:
                print_()
                self.out.file.flush()
            except BrokenPipeError:  # `ztoq status | head -1`: the reader is gone
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def log_line(self, line: str) -> None:
        """Print a line of the log; without -v only the first ones: the report has them all."""
        self._logged += 1
        if self._options.verbosity or self._logged <= MOST_LOG_LINES:
            for each in line.rstrip("\n").split("\n"):  # a traceback has several
                self.err.print(each, style="yellow")
        elif self._logged == MOST_LOG_LINES + 1:
            self.err.print("More warnings follow; `ztoq report` shows all of them.", style="yellow")

    @contextmanager
    def progress(
        self, waits: Waits | None = None, limits: Limits | None = None
    ) -> Iterator[Callable[[Event], None]]:
        """Show progress and what ``waits`` holds, until the end; yields the receiver of events.

        ``limits`` are the command's, which count its calls.

        With ``waits`` only inside an event loop.
        """
        with self._form() as shown, ExitStack() as stack:
            shown.limits = limits or Limits()

            def take(event: Event) -> None:
                if event.kind is not None and event.done:
                    self._options.begun = True
                shown.take(event)

            if waits is not None:
                watch = asyncio.get_running_loop().create_task(_watch(waits, shown))
                stack.callback(watch.cancel)
            yield take

    def _form(self) -> Shown:
        if self._options.as_json:
            return JsonLines(self.out.file, self.err)
        if self._options.quiet:
            return Shown(self.err)
        return Bars(self.err) if self.err.is_terminal else Lines(self.err)


async def _watch(waits: Waits, shown: Shown) -> None:
    """Show, every second, the waits that are long enough to make a user wonder."""
    clock = asyncio.get_running_loop().time
    while True:
        now = clock()
        long = [each for each in waits.current(now) if now - each.since >= PATIENCE_S]
        # a request in flight is worth a line only if nothing else explains the silence
        shown.waiting([each for each in long if not each.usual] or long[:1], now)
        await asyncio.sleep(1)
