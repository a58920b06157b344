"""Lists from which others delete while they are read: what a page hides is seen by a later pass."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_testkit.memory import MemorySource

from ztoq_core import engine
from ztoq_core.contracts import Page
from ztoq_core.engine.passes import KEPT_CHANGING, MOST_PASSES, RowSet
from ztoq_core.errors import Exit
from ztoq_core.records import Kind, TestCase
from ztoq_core.store import Store

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
OTHERS = [TestCase(key=f"ACME-T{number}", name="Pay") for number in range(MOST_PASSES)]
HIDDEN = TestCase(key="ACME-T99", name="Hidden")
PASSES = [0, 2, MOST_PASSES - 1]


class Hiding(MemorySource):
    """Lists cases one by one, and hides the last one in the first ``passes`` over the list.

    Just before its page is read, a case is deleted, so that it moves to the page that was read.
    """

    completes = frozenset()

    def __init__(self, passes: int) -> None:
        super().__init__([*OTHERS[: passes + 1], HIDDEN])
        self.passes = passes

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        if kind is not Kind.TEST_CASE:
            return await super().fetch(kind, cursor)
        place = int(cursor or 0)
        cases = [each for each in self.records.values() if each.kind is kind]
        page, rest = cases[place : place + 1], cases[place + 1 :]
        if self.passes and rest == [HIDDEN]:
            self.passes -= 1
            del self.records[cases[0].ref]
        cursor = str(place + 1) if rest else None
        return Page(records=tuple(page), cursor=cursor, stable=False)

    async def changed_since(self, kind: Kind, since: datetime, cursor: str | None) -> Page:
        assert since == SINCE
        return await self.fetch(kind, cursor)


def seen(passes: int) -> bool:
    """Whether there are passes left for what was hidden, and to see that nothing is any longer."""
    return passes + 2 <= MOST_PASSES


async def extracted(store: Store, source: MemorySource, since: datetime | None = None) -> bool:
    """Extract; return whether all lists were read to their ends."""
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source, since=since)
    verdict = engine.outcome(store, engine.Goal.EXTRACT)
    assert (verdict.exit is Exit.OK) == (KEPT_CHANGING not in " ".join(verdict.sentences))
    return verdict.exit is Exit.OK


def has_hidden(store: Store) -> bool:
    return bool(store.transformation.records.now(Kind.TEST_CASE, [HIDDEN.key]))


@pytest.mark.parametrize("passes", PASSES)
async def test_an_extraction_that_is_complete_has_what_a_page_hid(
    store: Store, passes: int
) -> None:
    assert await extracted(store, Hiding(passes)) == seen(passes)
    assert has_hidden(store) or not seen(passes)


@pytest.mark.parametrize("passes", PASSES)
async def test_so_has_a_quick_pass(store: Store, passes: int) -> None:
    assert await extracted(store, MemorySource(OTHERS[: passes + 1]))
    assert await extracted(store, Hiding(passes), SINCE) == seen(passes)
    assert has_hidden(store) or not seen(passes)


@pytest.mark.parametrize("passes", PASSES)
async def test_so_has_the_check_of_the_source(store: Store, passes: int) -> None:
    assert await extracted(store, MemorySource(OTHERS[: passes + 1]))
    with store.run("validate") as run:
        found = await engine.check_source(engine.Run(store, run.id), Hiding(passes))
    assert found is not None
    missing = [key for row in found.rows for key in row.missing_keys]
    assert missing == [HIDDEN.key] or not seen(passes)
    assert (KEPT_CHANGING not in " ".join(found.reasons)) == seen(passes)


@given(st.sets(st.integers(0, 100)), st.sets(st.integers(0, 100)))
def test_a_set_of_rows_is_a_set(some: set[int], others: set[int]) -> None:
    one, other = RowSet(), RowSet()
    assert all(one.add(row) for row in some)
    assert not any(one.add(row) for row in some)
    for row in others:
        other.add(row)
    assert {row for row in range(110) if row in one} == some
    assert (one <= other) == (some <= others)
