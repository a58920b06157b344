"""Opens what the verbs need: config, log, store, source and target; and handles signals."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from types import FrameType
from typing import Any

from ztoq_core import engine, log
from ztoq_core.cli.options import Options
from ztoq_core.cli.output import Output
from ztoq_core.contracts import Sink
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.http.limits import Limits
from ztoq_core.plugins import Plugins
from ztoq_core.records import Kind, Note, Ref
from ztoq_core.services import Services
from ztoq_core.settings import config as configuration
from ztoq_core.store import Store
from ztoq_core.waits import Waits

ENDS_WITHIN = 8.0
"""Seconds after the second signal when the process ends even if something hangs."""

LEVELS = ("WARNING", "INFO", "DEBUG")


@contextmanager
def configured(
    options: Options, given: Mapping[str, Mapping[str, Any]] | None = None
) -> Iterator[configuration.Config]:
    """Read the config and set up the log for the duration of the command.

    ``given`` are tables with the keys that options set.
    """
    extra = dict(given or {})
    if options.log_file:
        extra["log"] = {"file": str(options.log_file)}
    config = configuration.read(options.path, Plugins.installed(), extra)
    with logged(options, config):
        yield config


@contextmanager
def logged(options: Options, config: configuration.Config) -> Iterator[None]:
    """Set up the log according to options and config."""
    level = LEVELS[min(options.verbosity, 2)]
    with log.configured(
        Output(options).log_line,
        level="DEBUG" if options.debug else "ERROR" if options.quiet else level,
        file=config.log_file,
        file_level="DEBUG" if options.debug or options.verbosity > 1 else "INFO",
        traces=options.debug,
    ):
        yield


@asynccontextmanager
async def open_sink(
    config: configuration.Config,
    note: Callable[[Note, Ref | None], None],
    store: Store | None = None,
    waits: Waits | None = None,
    output: Output | None = None,
) -> AsyncIterator[Sink]:
    """Open only the sink; with a ``store``, its window and budget hold and calls are counted.

    With an ``output``, it shows what the sink waits for; a command that shows the progress of
    ``waits`` itself passes none.
    """
    part = config.sink
    services = Services(sink=note, images=config.images, waits=waits or Waits())
    if store is not None:
        services.limits, services.ledger = Limits(), store.call_counts
        services.before_write = store.before_write
    with output.progress(services.waits) if output else nullcontext():
        async with engine.open_side(part.plugin, part.settings, services) as sink:
            yield sink


@contextmanager
def handle_signals(waits: Waits, output: Output) -> Iterator[None]:
    """Make the first Ctrl-C (SIGTERM, SIGHUP) a request to stop, and the second one a crash."""
    loop = asyncio.get_running_loop()

    def crash(number: int, frame: FrameType | None) -> None:
        # a thread that hangs, such as in a DNS lookup, would keep the process alive forever
        last = threading.Timer(ENDS_WITHIN, os._exit, (Exit.INTERRUPTED,))
        last.daemon = True
        last.start()
        signal.default_int_handler(number, frame)

    def request(_number: int, _: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, crash)
        loop.call_soon_threadsafe(waits.stop)
        with suppress(OSError):  # after a hang-up there is no terminal
            output.warning(
                "Stopping: requests under way are finished and saved. Ctrl-C again ends at once, "
                "which is safe, too."
            )

    # under nohup SIGHUP is ignored, and stays so; Windows does not have it
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    numbers = [each for each in numbers if signal.getsignal(each) is not signal.SIG_IGN]
    before = [signal.signal(number, request) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def kind_of(name: str | None) -> Kind | None:
    """Return the kind that an option names.

    Raises:
        ConfigError: There is no such kind.
    """
    if name is None:
        return None
    if name not in set(Kind):
        raise ConfigError(f"there is no kind {name!r} (known: {', '.join(Kind)})")
    return Kind(name)
