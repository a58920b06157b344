"""What the sink says in advance of its calls, beside the calls that reach the simulated site."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from ztoq_core.plugin import Content, Kind, Record, TestStep

FINISHED = {Kind.FIELD, Kind.TEST_CASE, Kind.TEST_LOG}


async def spent(world: Any, record: Record, body: Content | None = None) -> int:
    """Write and finish a record as the engine does; return the calls that it took."""
    before = world.simulator.calls.total()
    there = world.written.get(record.ref)
    if there is not None:
        await world.sink.current(record.kind, there.target_id)
    await world.write(record, body)
    if record.kind in FINISHED or record.text_refs:
        await world.finish(record)
    return int(world.simulator.calls.total() - before)


def shown(record: Record) -> Record:
    """Return the record with another name, which is an update."""
    name = getattr(record, "name", "")
    return attrs.evolve(record, name=f"{name} again") if name else record  # type: ignore[call-arg]


async def test_each_record_takes_the_calls_that_were_said(opened: Any, project: Any) -> None:
    world = await opened()
    await world.sink.describe()
    tally = await world.sink.forecast()
    bodies = project.bodies()
    wrong = {}
    total = said = 0
    for record in project.in_order():
        calls = await spent(world, record, bodies.get(record))
        expected = tally.add(record, new=True)
        total, said = total + calls, said + expected
        # lists that many records need are counted once, by ``shared``
        if record.kind in {Kind.FOLDER, Kind.ATTACHMENT} and calls != expected:
            wrong[record.ref] = (calls, expected)
    assert not wrong
    assert said + tally.shared() == pytest.approx(total, abs=2)

    updates = (project.module, project.cycles, project.plan, project.cycle, project.run)
    for record in (project.log, *updates, project.case):
        calls = await spent(world, shown(record))
        assert tally.add(shown(record), new=False) == calls, record.ref


async def test_addresses_in_the_texts_of_steps_take_further_calls(
    opened: Any, project: Any
) -> None:
    world = await opened()
    for record in (*project.fields, project.module, project.called):
        await world.whole(record) if record.kind in FINISHED else await world.write(record)
    await world.sink.describe()
    tally = await world.sink.forecast()
    to = project.called.ref
    linking = attrs.evolve(
        project.called,
        key="SHOP-T9",
        description=f'<a href="{to.address}">see</a>',
        steps=(
            TestStep(key="1", description="<p>Open</p>"),
            TestStep(key="2", description=f'<a href="{to.address}">see</a>'),
        ),
        text_refs=(to,),
    )
    before = tally.shared()
    assert tally.add(linking, new=True) == await spent(world, linking)
    assert tally.shared() == before


async def test_values_come_a_hundred_at_a_time(opened: Any, project: Any) -> None:
    world = await opened()
    choice = attrs.evolve(project.fields[-1], values=tuple(f"v{n}" for n in range(250)))
    tally = await world.sink.forecast()
    said = tally.add(choice, new=True) + tally.shared()  # one field shares its list with none
    assert await spent(world, choice) == said

    tally = await world.sink.forecast()
    more = attrs.evolve(choice, values=("another",))
    world.written.clear()
    assert await spent(world, more) == tally.add(more, new=True)
