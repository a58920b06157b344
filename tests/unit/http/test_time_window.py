from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from ztoq_core.errors import ConfigError
from ztoq_core.time_window import TimeWindow, until


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import time  # noqa: PLC0415 - only its zone is set here

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()


@pytest.mark.parametrize(
    ("window", "at", "closes"),
    [
        ("20:00-06:00", "2026-11-25T20:00", "2026-11-26T06:00"),
        ("20:00-06:00", "2026-11-26T05:59", "2026-11-26T06:00"),
        ("20:00-06:00", "2026-11-26T06:00", None),
        ("20:00-06:00", "2026-11-26T12:00", None),
        ("9:30 - 17:00", "2026-11-26T16:59", "2026-11-26T17:00"),
        ("9:30 - 17:00", "2026-11-26T17:00", None),
        ("18:00-24:00", "2026-11-26T23:59", "2026-11-27T00:00"),
        ("20:00-06:00", "2026-10-24T23:00", "2026-10-25T06:00"),  # the clock is set back
    ],
)
def test_a_window_knows_when_it_closes(window: str, at: str, closes: str | None) -> None:
    assert TimeWindow.parse(window).closes(local(at)) == (closes and local(closes))


def test_a_window_knows_when_it_opens_next_whatever_the_zone_of_the_question() -> None:
    window = TimeWindow.parse("20:00-06:00")
    noon = local("2026-11-25T12:00")
    for zone in (noon, noon.astimezone(tz=None), noon - timedelta(0)):
        assert window.opens(zone) == local("2026-11-25T20:00")
    assert window.opens(local("2026-11-25T20:00")) == local("2026-11-26T20:00")
    assert window.length == timedelta(hours=10)
    assert str(window) == "20:00-06:00"


@pytest.mark.parametrize("text", ["20-06", "20:00", "20:00-25:00", "at night", "", "20:00-06:60"])
def test_what_is_no_window_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="should be like 20:00-06:00"):
        TimeWindow.parse(text)


def test_a_window_of_a_whole_day_is_none() -> None:
    with pytest.raises(ConfigError, match="leave it out"):
        TimeWindow.parse("06:00-06:00")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("06:00", "2026-11-26T06:00"),
        ("23:30", "2026-11-25T23:30"),
        ("2026-12-01T06:00", "2026-12-01T06:00"),
        ("2026-12-01T06:00Z", "2026-12-01T07:00"),
    ],
)
def test_until_is_the_next_such_time_or_a_moment(text: str, means: str) -> None:
    assert until(text, local("2026-11-25T20:00")) == local(means)


@pytest.mark.parametrize(
    ("text", "message"),
    [("soon", "is not a time such as"), ("2026-01-01T00:00", "has passed already")],
)
def test_an_until_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        until(text, local("2026-11-25T20:00"))
