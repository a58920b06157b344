"""What can go wrong, sorted by what the caller does next.

    ZtoqError
    ├── ConfigError          stop before the first record               exit 2
    ├── PluginError          stop; names the plugin and its package     exit 2
    ├── StoreError           stop; locked, full, too new                exit 3 (2 at the start)
    ├── ServiceError         something a remote service answered        exit 3
    │   ├── AccessError      401, 403: stop                             exit 2 in check, 3 later
    │   ├── RetryableError   certainly not stored; try again            the item stays ready
    │   │   └── StoppedError the user stopped the run                   exit 130
    │   ├── DoubtError       it was sent, its answer is unknown         the item is unknown
    │   └── RejectedError    fail this record, go on (400, 404, 422)    exit 1
    └── RecordError          fail this record, go on                    exit 1
        └── MappingError     a field or value has no mapping            exit 1

A message says what was attempted, what happened and what to do. It never holds a secret, a query
string, or more than 300 characters of an answer. Only ``ztoq_core.cli`` turns an error into an exit
code.

``AnswerError`` is not one of them: functions that read the body of an answer raise it, and the HTTP
client turns it into one of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

__all__ = [
    "AccessError",
    "AnswerError",
    "ConfigError",
    "DoubtError",
    "Exit",
    "MappingError",
    "PluginError",
    "RecordError",
    "RejectedError",
    "RetryableError",
    "ServiceError",
    "StoppedError",
    "StoreError",
    "ZtoqError",
    "first_error",
    "one_error",
]


class Exit(IntEnum):
    """The exit codes of every command (design section 7)."""

    OK = 0
    LEFT = 1
    START = 2
    STOPPED = 3
    FAULT = 70
    INTERRUPTED = 130


class ZtoqError(Exception):
    """Every error that ztoq raises on purpose; the command ends with its ``exit_code``."""

    exit_code = Exit.LEFT


class ConfigError(ZtoqError):
    """The configuration cannot be used; fix what the message names and run again."""

    exit_code = Exit.START


class PluginError(ZtoqError):
    """A plugin is missing, broken or not the only one of its name; install, fix or remove it."""

    exit_code = Exit.START


class StoreError(ZtoqError):
    """The store cannot be read or written; free the disk or end the other run, then run again."""

    exit_code = Exit.STOPPED

    def __init__(self, message: str, *, at_start: bool = False) -> None:
        """Take the message; ``at_start`` if nothing had been done yet (exit 2)."""
        super().__init__(message)
        if at_start:
            self.exit_code = Exit.START


class ServiceError(ZtoqError):
    """A remote service stopped the work; it is safe to run again.

    ``status`` is the HTTP status, or None if there was no answer.
    """

    exit_code = Exit.STOPPED

    def __init__(self, message: str, *, status: int | None = None) -> None:
        """Take the message and the status."""
        super().__init__(message)
        self.status = status


class AccessError(ServiceError):
    """The service refused the credentials or the permission (401, 403); nothing else will work."""


class RetryableError(ServiceError):
    """The request certainly changed nothing, and the time for retries is used up."""


class StoppedError(RetryableError):
    """The user stopped the run before this request was sent."""

    exit_code = Exit.INTERRUPTED


class DoubtError(ServiceError):
    """The request was sent and its answer is unknown: it may or may not have been carried out.

    Only the HTTP client raises it. A creating request in doubt is never sent again blindly.
    """


class RejectedError(ServiceError):
    """The service refused this one request (400, 404, 413, 422 …); the others may go on."""

    exit_code = Exit.LEFT


class AnswerError(ValueError):
    """The body of an answer does not have the documented shape.

    Raised by a ``read`` function (``contracts.Client.request``), and never beyond the client. The
    message says what was expected and what came: ``a list of steps was due, not null``.
    """


class RecordError(ZtoqError):
    """This record cannot be used; the others may go on."""

    exit_code = Exit.LEFT


class MappingError(RecordError):
    """A field or value of this record has no mapping; complete the mapping and run again."""


def first_error(error: BaseException) -> BaseException:
    """Return the error itself, or the first of a group, however deep: the others follow from it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@contextmanager
def one_error() -> Iterator[None]:
    """Raise the first error of a task group instead of the group."""
    try:
        yield
    except BaseExceptionGroup as group:  # also groups of KeyboardInterrupt and the like
        raise first_error(group) from None
