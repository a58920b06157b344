"""What passes the border to a plugin at work, and what is its fault: alone and in groups."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from ztoq_core.contracts import Skip
from ztoq_core.errors import (
    AccessError,
    ConfigError,
    DoubtError,
    MappingError,
    RecordError,
    RejectedError,
    RetryableError,
    StoppedError,
    StoreError,
)
from ztoq_core.plugin_calls import FaultyPluginError, plugin_call

PASSING = [
    AccessError("no"),
    DoubtError("no answer"),
    MappingError("no value"),
    MemoryError("small"),
    OSError(errno.EDQUOT, "quota"),
    OSError(errno.ENOSPC, "full"),
    RecordError("bad"),
    RejectedError("no", status=404),
    RetryableError("later"),
    Skip("not wanted"),
    StoppedError("stop"),
    StoreError("locked"),
]
FAULTS = [
    AttributeError("'NoneType' object has no attribute 'steps'"),
    KeyError("steps"),
    OSError(errno.ENOENT, "no file"),
]
SHAPES: dict[str, Callable[[Exception], Exception]] = {
    "alone": lambda error: error,
    "group": lambda error: ExceptionGroup("side by side", [error, ValueError("follows")]),
    "group in a group": lambda error: ExceptionGroup("out", [ExceptionGroup("in", [error])]),
}


def name(given: object) -> str:
    return repr(given) if isinstance(given, Exception) else str(given)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("error", PASSING, ids=name)
def test_an_error_that_plugins_may_raise_passes_as_itself(error: Exception, shape: str) -> None:
    with pytest.raises(type(error)) as caught, plugin_call(object(), "write", "test case A"):
        raise SHAPES[shape](error)
    assert caught.value is error


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("error", FAULTS, ids=name)
def test_a_fault_names_the_call_the_record_and_what_was_raised_first(
    error: Exception, shape: str
) -> None:
    with pytest.raises(FaultyPluginError) as caught, plugin_call(object(), "write", "case A"):
        raise SHAPES[shape](error)
    text = str(caught.value)
    assert f"failed in write of case A: {type(error).__name__}: " in text
    assert "follows" not in text


@pytest.mark.parametrize("shape", SHAPES)
def test_an_error_that_one_call_allows_passes_there_alone(shape: str) -> None:
    with pytest.raises(ConfigError), plugin_call(object(), "check", "the target", ConfigError):
        raise SHAPES[shape](ConfigError("wrong project"))


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(3)], ids=name)
def test_what_ends_a_process_passes(end: BaseException) -> None:
    with pytest.raises(type(end)), plugin_call(object(), "read", "test case A"):
        raise end
