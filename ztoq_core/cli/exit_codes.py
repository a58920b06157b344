"""Turns errors into an exit code and a message, without a traceback."""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import Self

import rich_click as click

from ztoq_core.cli.lines import event_line, printable
from ztoq_core.cli.options import Options
from ztoq_core.errors import (
    AccessError,
    Exit,
    RecordError,
    RejectedError,
    RetryableError,
    ServiceError,
    ZtoqError,
)

AGAIN = "Everything up to here is saved: run the same command again to go on."
ALLOWED_AGAIN = (
    "Everything up to here is saved: renew the token or ask for the missing right, then run the"
    " same command again to go on."
)


class ErrorHandler:
    """Surrounds a command; afterwards ``code`` is its exit code."""

    def __init__(self, options: Options) -> None:
        """Take the ``options``: what to show, and whether any record had been moved."""
        self.code = int(Exit.OK)
        self._options = options

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        """Print what went wrong; passes on other exceptions (a simulated power cut)."""
        if error is None:
            return False
        if isinstance(error, SystemExit):
            # click exits like this if the reader of stdout is gone: `ztoq --help | head` is not a
            # failure, but a verb may have been cut short
            self.code = int(Exit.STOPPED if self._options.verb else Exit.OK)
            return True
        if not isinstance(error, Exception | KeyboardInterrupt):
            return False
        if self._options.debug:
            traceback.print_exception(error)
        self.code = int(self._code(error))
        self._print(error)
        return True

    def _code(self, error: BaseException) -> int:
        if isinstance(error, click.ClickException):
            return Exit.START
        if isinstance(error, KeyboardInterrupt | click.Abort):
            return Exit.INTERRUPTED
        if isinstance(error, AccessError | RejectedError | RecordError):
            return Exit.STOPPED if self._options.begun else Exit.START
        if isinstance(error, ZtoqError):
            return error.exit_code
        return Exit.STOPPED if _by_the_system(error) else Exit.FAULT

    def _print(self, error: BaseException) -> None:
        message = printable(self._message(error))
        if self._options.as_json:
            facts: dict[str, object] = {"verb": self._options.verb, "exit": self.code}
            said = message.removeprefix("Error: ")
            with suppress(OSError):  # stdout itself may be the full disk
                click.echo(event_line("result", **facts, error=said), nl=False)
                return
        if isinstance(error, click.UsageError):
            click.echo(f"{error.ctx.get_usage()}\n" if error.ctx else "", err=True, nl=False)
        click.echo(message, err=True)

    def _message(self, error: BaseException) -> str:
        again = f"\n{AGAIN}" if self.code == Exit.STOPPED and self._options.begun else ""
        if isinstance(error, click.ClickException):
            return f"Error: {error.format_message()}"
        if isinstance(error, KeyboardInterrupt | click.Abort):
            return f"Interrupted. {AGAIN}" if self._options.begun else "Interrupted."
        if again and isinstance(error, AccessError):
            again = f"\n{ALLOWED_AGAIN}"
        if isinstance(error, RetryableError):
            again = f"\n{AGAIN if self._options.begun else 'It is safe to run this again.'}"
        if isinstance(error, ServiceError | ZtoqError):
            return f"Error: {error}{again}"
        if isinstance(error, OSError) and _by_the_system(error):
            where = f" ({error.filename})" if error.filename else ""
            return f"Error: {error.strerror}{where}{again}"
        saved = "\nEverything up to here is saved." if self._options.begun else ""
        # the text of an unknown error may hold a payload or a secret: only its type and its place
        place = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"Error: internal fault in ztoq: {type(error).__name__} in {place.filename}, line "
            f"{place.lineno}, in {place.name}. This is a bug: run again with --debug and report "
            f"what it prints.{saved}"
        )


def _by_the_system(error: BaseException) -> bool:
    """Whether it is an error of the operating system: a full disk, a missing permission."""
    return isinstance(error, OSError) and bool(error.strerror)
