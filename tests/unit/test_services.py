"""What the engine lends: the cache that is made once, notes that are kept once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from ztoq_testkit.simulate import Reply, Route, Server

from ztoq_core.contracts import Connection, Secret
from ztoq_core.errors import RetryableError
from ztoq_core.http.client import Client
from ztoq_core.http.limits import Limit, Limits
from ztoq_core.pictures.settings import Images
from ztoq_core.records import Kind, Level, LossGroup, Note, NoteCode, Ref
from ztoq_core.services import Services


async def test_once_makes_a_thing_once_for_all_who_ask() -> None:
    services = Services(lambda _note, _ref: None)
    made = 0

    async def make() -> int:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return made

    assert await asyncio.gather(*(services.once("x", make) for _ in range(5))) == [1] * 5
    assert await services.once("y", make) == 2


async def test_once_tries_again_after_a_failure_or_a_cancelled_caller() -> None:
    services = Services(lambda _note, _ref: None)
    outcomes = iter([ValueError("no"), None])

    async def make() -> str:
        await asyncio.sleep(0)
        if (error := next(outcomes)) is not None:
            raise error
        return "made"

    first, second = (asyncio.create_task(services.once("x", make)) for _ in range(2))
    with pytest.raises(ValueError, match="no"):
        await first
    assert await second == "made"


async def test_the_same_note_is_kept_once() -> None:
    kept: list[tuple[Note, Ref | None]] = []
    services = Services(lambda note, ref: kept.append((note, ref)))
    ref = Ref(Kind.TEST_CASE, "A-T1")
    gone = NoteCode("gone", Level.LOSS, LossGroup.LOST, "what is gone")
    for about in (None, ref, ref, None):
        services.note(gone, "it is gone", about)
    assert [about for _, about in kept] == [None, ref]


async def test_a_client_has_the_limits_of_the_run() -> None:
    services = Services(lambda _note, _ref: None, outage=7.0, unreached=3.0)
    async with services.client(Connection(base_url="http://127.0.0.1:1")) as client:
        assert isinstance(client, Client)
        assert (client.policy.outage, client.policy.unreached) == (7.0, 3.0)


NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


async def test_pictures_are_fetched_in_the_hours_of_the_source() -> None:
    limits = Limits(clock=lambda: NOON)
    hour = NOON.astimezone() + timedelta(hours=2)
    shut = f"{hour:%H:%M}-{hour + timedelta(hours=1):%H:%M}"
    services = Services(lambda _note, _ref: None, limits=limits)
    source = Connection(base_url="http://desk.example", window=shut)
    async with services.fetcher(print, source) as fetcher:
        with pytest.raises(RetryableError, match=rf"desk\.example: outside of its window {shut}"):
            await anext(fetcher.fetch("http://files.example/a.png"))
    assert limits.reached is not None
    assert limits.reached.limit is Limit.WINDOW
    assert limits.made == 0


async def test_a_picture_at_a_service_counts_in_its_month() -> None:
    limits = Limits()
    images = Images(allow_private=("127.0.0.1",))
    services = Services(lambda _note, _ref: None, limits=limits, images=images)
    picture = Route("GET", "/{name}", lambda _: Reply(content=b"picture"))
    async with (
        Server([picture], name="service").serving() as base,
        Server([picture], name="other").serving() as other,
        services.client(Connection(base_url=base, monthly_budget=5)),
        services.fetcher(print) as fetcher,
    ):
        for address in (base, other, base, base):
            assert await anext(fetcher.fetch(f"{address}/a.png")) == b"picture"
        assert limits.made == 4
        (quota,) = services.quotas
        assert quota.made == 3
        assert await anext(fetcher.fetch(f"{base}/a.png"))
        with pytest.raises(RetryableError, match="4 calls were made this month"):
            await anext(fetcher.fetch(f"{base}/a.png"))


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("sesame", "opensesame, sesame", "open***, ***"),
        ("a", "a cat: 'a', a.", "*** cat: '***', ***."),
        ("a.b", "a.b axb xa.b", "*** axb xa.b"),
        ("", "nothing", "nothing"),
    ],
)
def test_a_short_secret_is_hidden_where_it_stands_alone(secret: str, text: str, shown: str) -> None:
    assert Secret(secret).hide(text) == shown
