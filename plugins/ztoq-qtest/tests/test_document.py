"""Every request stands in the vendor's document (skipped where that is not at hand)."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options

from tests.vendor.exchanges import Recorder
from tests.vendor.qtest_document import Document
from ztoq_core.plugin import FieldType, FieldValue, Kind, Secret

pytestmark = [
    pytest.mark.shared("specs/qtest-manager-v3.openapi3.json"),
    pytest.mark.unmeasured,  # a second time through what others cover
]


async def everything(world: Any, project: Any) -> None:
    """Make every sort of request that the sink can make."""
    sink = world.sink
    await sink.check()
    await sink.describe()
    await project.write_all(world)
    for record, at in [(r, world.written[r.ref]) for r in _records(project)]:
        await sink.find(record, world.written)
        await sink.read(record.kind, at.target_id)
        await sink.current(record.kind, at.target_id)
        await world.write(record)
    for kind in Kind:
        owners = [
            (record, world.written[record.ref])
            for record in _records(project)
            if record.kind in sink.listed_by_owner.get(kind, ())
        ]
        await sink.marks(kind, owners, None)
    values = tuple(f"value {n}" for n in range(120))
    browser = attrs.evolve(project.fields[-1], values=(*project.fields[-1].values, *values))
    await world.whole(browser)
    for field in world.simulator.site.fields.table.values():
        if field.label == "Browser":
            field.active = False
            next(iter(field.values.values())).active = False
    await world.whole(browser)
    for body, file in [(b, f) for f, b in project.bodies().items()]:
        await sink.find(attrs.evolve(file, sha256=body.sha256), world.written)
    for record in _records(project):
        await sink.children(record.kind, [world.written[record.ref].target_id])
    for record in reversed(_records(project)):
        if record.kind is not Kind.TEST_LOG:
            await sink.delete(record.kind, world.written[record.ref].target_id)


def _records(project: Any) -> list[Any]:
    return [
        project.fields[-1],
        project.module,
        project.inner,
        project.cycles,
        project.requirement,
        project.called,
        project.case,
        project.plan,
        project.cycle,
        project.run,
        project.log,
        project.case_file,
        project.result_file,
    ]


@pytest.mark.parametrize(("login", "administrator"), [(True, True), (False, False)])
async def test_no_request_breaks_the_document(
    opened: Any, project: Any, *, login: bool, administrator: bool
) -> None:
    document = Document()
    recorder = Recorder()
    options = Options(username="quinn", password="open sesame", administrator=administrator)
    settings = {"username": "quinn", "password": Secret("open sesame")} if login else {}
    world = await opened(options, recorder=recorder, **settings)
    if administrator:
        await everything(world, project)
    else:
        value = FieldValue(name="Any", value="x", type=FieldType.TEXT)
        for record in (project.module, project.cycles, project.requirement, project.plan):
            await world.write(record)
        await world.whole(attrs.evolve(project.called, fields=(value,)))
    wrong = [line for each in recorder.exchanges for line in document.check_request(each)]
    assert wrong == []
