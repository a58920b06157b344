"""The log: configured once, by the command line; everything else only writes to it.

Each line in the file has run, stage, kind and key, so that ``grep`` finds the history of a record.
Lines hold facts and keys, never a payload or a secret; loguru's ``diagnose``, which prints the
values of variables, stays off.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from ztoq_core.errors import ConfigError

if TYPE_CHECKING:
    from loguru import Record

FILE_BYTES = 10_000_000
FILES_KEPT = 5
PLACE = "run={extra[run]} stage={extra[stage]} kind={extra[kind]} key={extra[key]}"
FILE_LINE = "{time:YYYY-MM-DDTHH:mm:ss.SSSZZ} {level:<7} " + PLACE + " {message}"
NOWHERE = {"run": "-", "stage": "-", "kind": "-", "key": "-"}


@contextmanager
def configured(
    write: Callable[[str], None],
    *,
    level: str = "WARNING",
    file: Path | None = None,
    file_level: str = "INFO",
    traces: bool = False,
) -> Iterator[None]:
    """Send log lines to ``write`` and to a rotating ``file`` (10 MB, five kept) until the end.

    ``level`` and ``file_level`` are the lowest levels written. ``traces`` adds tracebacks.

    Raises:
        ConfigError: The file cannot be written.
    """
    logger.remove()
    logger.enable("ztoq_core")
    logger.configure(extra=dict(NOWHERE), patcher=_on_one_line)
    options: dict[str, Any] = {"diagnose": False, "backtrace": False, "colorize": False}
    logger.add(write, level=level, format=_talk(traces=traces), **options)
    handler = None
    if file:
        handler = _open(file)
        ending = "\n{exception}" if traces else ""
        logger.add(handler, level=file_level, format=lambda _: FILE_LINE + ending, **options)
    library = _Intercept(level=logging.WARNING)
    logging.root.addHandler(library)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        logging.root.removeHandler(library)
        logger.disable("ztoq_core")
        logger.remove()
        if handler:
            handler.close()


def _talk(*, traces: bool) -> Callable[[Record], str]:
    """Return the format of a line for people: level, record, message."""

    def line(record: Record) -> str:
        extra = record["extra"]
        named = "{extra[kind]} {extra[key]}: " if extra.get("key", "-") != "-" else ""
        return "{level.name}: " + named + "{message}\n" + ("{exception}" if traces else "")

    return line


def _on_one_line(record: Record) -> None:
    """Keep a name with a newline in it from looking like a second line of the log."""
    record["message"] = _folded(record["message"])
    for key in NOWHERE:
        record["extra"][key] = _folded(str(record["extra"].get(key, "-")))


def _folded(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _open(path: Path) -> RotatingFileHandler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _LogFile(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write the log file {str(path)!r}: {error.strerror}") from error


class _LogFile(RotatingFileHandler):
    """A rotating file that only its owner reads, and that never stops a run."""

    failed = False

    def _open(self) -> Any:
        return open(
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            errors="backslashreplace",
            opener=lambda path, flags: os.open(path, flags, 0o600),
        )

    def close(self) -> None:
        """Close the file; a failure to write has been reported already."""
        with suppress(OSError):
            super().close()

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Report once that the file cannot be written: a full disk shows here first."""
        if not self.failed:
            self.failed = True
            reason = sys.exception()
            sys.stderr.write(f"cannot write the log file: {reason}; going on without it\n")


class _Intercept(logging.Handler):
    """Hands what libraries log with ``logging`` to our log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on one message with the library's name, without its traceback."""
        level = logger.level(record.levelname).name if record.levelname in _LEVELS else "WARNING"
        logger.log(level, "{}: {}", record.name, record.getMessage())


_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
