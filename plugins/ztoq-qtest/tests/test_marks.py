"""What was written is found again, and what stands in the project is listed with its marks."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options
from ztoq_testkit.simulate import Faults

from ztoq_core.plugin import (
    Content,
    DoubtError,
    FieldDefinition,
    FieldType,
    FieldValue,
    Kind,
    Mark,
    Requirement,
    TestRun,
    TestStep,
)

FLAKY = FieldDefinition(key="test_run/Flaky", of=Kind.TEST_RUN, name="Flaky", type=FieldType.TEXT)


def records(project: Any) -> list[Any]:
    """One of each kind that is found by a mark."""
    return [
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
    ]


async def write_marked(world: Any, project: Any, *, fields: bool) -> None:
    for record in (*(project.fields if fields else ()), *records(project)):
        await world.write(record)
        if record.kind is Kind.TEST_CASE:
            await world.finish(record)


@pytest.mark.parametrize("fields", [True, False])
async def test_brackets_that_people_typed_at_the_end_of_a_name_are_neither_key_nor_environment(
    opened: Any, project: Any, *, fields: bool
) -> None:
    world = await opened(Options(administrator=fields))
    await write_marked(world, project, fields=fields)
    environment = project.run.environment
    for record in records(project):
        if record.kind is Kind.TEST_LOG:
            continue
        for number, text in enumerate((record.key, "SHOP-R77", environment or "Chrome")):
            named = attrs.evolve(record, key=f"N{number}{record.key}", name=f"Copied [{text}]")
            if isinstance(named, Requirement):
                named = attrs.evolve(named, issue_key=named.key)
            await world.write(named)
            at = world.written[named.ref].target_id
            held = await world.sink.read(record.kind, at)
            assert held.name == named.name, record.ref
            # what its name ends with must not make it the object of another record
            found = await world.sink.find(attrs.evolve(named, key=text), world.written)
            assert at not in {each.written.target_id for each in found}
            assert at in {
                each.written.target_id for each in await world.sink.find(named, world.written)
            }


@pytest.mark.parametrize("fields", [True, False])
async def test_each_kind_is_found_by_its_mark(opened: Any, project: Any, *, fields: bool) -> None:
    world = await opened(Options(administrator=fields))
    await write_marked(world, project, fields=fields)
    for record in records(project):
        (found,) = await world.sink.find(record, world.written)
        at = world.written[record.ref]
        assert found.written.target_id == at.target_id
        assert found.written.stamp == at.stamp, record.ref
        if record.kind is Kind.TEST_LOG:
            assert found.written.parts == at.parts
        assert await world.sink.find(attrs.evolve(record, key="SHOP-X"), world.written) == ()


async def test_without_a_field_the_key_stands_where_the_kind_has_room(
    opened: Any, project: Any
) -> None:
    world = await opened(Options(administrator=False))
    await write_marked(world, project, fields=False)
    dump = world.dump()
    assert dump["test_cases"][-1]["description"].endswith("<p>Zephyr key: SHOP-T2</p>")
    assert dump["releases"][0]["note"] == "<p>/Plans</p><p>Zephyr key: SHOP-P1</p>"
    assert dump["test_suites"][0]["name"] == "Week 10 [SHOP-R1]"
    assert dump["test_runs"][0]["name"] == "Pay [Staging] [SHOP-R1/SHOP-T2/Staging]"
    assert dump["requirements"][0]["name"] == "SHOP-9 Pay by card [SHOP-9]"
    run = await world.sink.read(Kind.TEST_RUN, world.written[project.run.ref].target_id)
    assert isinstance(run, TestRun)
    assert (run.key, run.name, run.environment) == (project.run.key, "Pay", "Staging")


async def test_of_several_the_oldest_comes_first(opened: Any, project: Any) -> None:
    world = await opened()
    await world.write(project.module)
    first = await world.sink.write(project.called, None, world.written, None)
    second = await world.sink.write(project.called, None, world.written, None)
    found = await world.sink.find(project.called, world.written)
    assert [each.written.target_id for each in found] == [first.target_id, second.target_id]


async def test_a_key_is_found_whole_and_not_as_part_of_another(opened: Any, project: Any) -> None:
    world = await opened(Options(administrator=False))
    await world.write(project.module)
    await world.write(attrs.evolve(project.called, key="SHOP-T10"))
    assert await world.sink.find(attrs.evolve(project.called, key="SHOP-T1"), world.written) == ()


async def test_marks_survive_html_that_the_server_rewrites(opened: Any, project: Any) -> None:
    world = await opened(Options(administrator=False, normalise_html=True))
    await write_marked(world, project, fields=False)
    for record in records(project):
        assert len(await world.sink.find(record, world.written)) == 1


async def all_marks(world: Any, kind: Kind) -> list[Any]:
    marks: list[Any] = []
    cursor: str | None = None
    while True:
        page = await world.sink.marks(kind, (), cursor)
        marks += page.marks
        if page.cursor is None:
            return marks
        cursor = page.cursor


@pytest.mark.parametrize("fields", [True, False])
async def test_marks_list_every_object_with_its_key(
    opened: Any, project: Any, *, fields: bool
) -> None:
    world = await opened(Options(administrator=fields))
    await write_marked(world, project, fields=fields)
    for record in records(project)[:-1]:
        marks = {mark.key: mark for mark in await all_marks(world, record.kind)}
        assert marks[record.key].target_id == world.written[record.ref].target_id
    owner = (project.run, world.written[project.run.ref])
    (log,) = (await world.sink.marks(Kind.TEST_LOG, [owner], None)).marks
    assert (log.key, log.owner) == ("SHOP-E1", project.run.key)
    assert log.target_id == world.written[project.log.ref].target_id


async def test_marks_go_through_all_modules(opened: Any, project: Any) -> None:
    world = await opened()
    for number in range(40):
        folder = attrs.evolve(project.module, key=f"SHOP-F{number}", name=f"M{number}")
        await world.write(folder)
        await world.write(
            attrs.evolve(
                project.called, key=f"SHOP-T{number}", folder=folder.ref, steps=(), fields=()
            )
        )
    marks = await all_marks(world, Kind.TEST_CASE)
    assert sorted(mark.key for mark in marks) == sorted(f"SHOP-T{n}" for n in range(40))


async def test_strangers_bear_no_mark(opened: Any) -> None:
    world = await opened()
    world.simulator.by_hand("POST", "modules", {"name": "Theirs"})
    (mark,) = await all_marks(world, Kind.FOLDER)
    assert (mark.key, mark.name) == ("", "Theirs")


async def test_files_are_listed_with_their_owner(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    owners = [(r, world.written[r.ref]) for r in (project.case, project.log)]
    page = await world.sink.marks(Kind.ATTACHMENT, owners, None)
    assert {(mark.owner, mark.name) for mark in page.marks} == {
        ("SHOP-T2", "basket.txt"),
        ("SHOP-T2", "na%C3%AFve %E2%9C%93.png"),
        ("SHOP-E1", "shot.png"),
    }


async def test_stamps_stay_until_somebody_edits(opened: Any, project: Any) -> None:
    world = await opened(Options(normalise_html=True))
    await project.write_all(world)
    at = {record.ref: world.written[record.ref] for record in records(project)}
    for ref, written in at.items():
        looked = await world.sink.current(ref.kind, written.target_id)
        assert looked.stamp == written.stamp, ref

    number = at[project.case.ref].target_id
    world.simulator.by_hand("PUT", f"test-cases/{number}", {"name": "Mine", "properties": []})
    run, _, log = at[project.log.ref].target_id.partition("/")
    change = {
        "status": {"id": 601},
        "exe_start_date": "2024-03-05T10:00:00+00:00",
        "exe_end_date": "2024-03-05T10:05:00+00:00",
    }
    world.simulator.by_hand("PUT", f"test-runs/{run}/test-logs/{log}", change)
    for record in (project.case, project.log):
        looked = await world.sink.current(record.kind, at[record.ref].target_id)
        assert looked.stamp != at[record.ref].stamp


async def test_a_log_does_not_count_as_an_edit_of_its_run(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    await world.write(FLAKY)
    value = FieldValue(name="Flaky", value="often", type=FieldType.TEXT)
    await world.write(attrs.evolve(project.log, key="SHOP-E2", fields=(value,)))
    at = world.written[project.run.ref]
    assert world.dump()["test_runs"][0]["properties"]["Flaky"] == "often"
    assert (await world.sink.current(Kind.TEST_RUN, at.target_id)).stamp == at.stamp
    (found,) = await world.sink.find(project.run, world.written)
    assert found.written.stamp == at.stamp
    world.simulator.by_hand("PUT", f"test-runs/{at.target_id}", {"name": "Mine", "properties": []})
    assert (await world.sink.current(Kind.TEST_RUN, at.target_id)).stamp != at.stamp


@pytest.mark.parametrize(
    "text",
    [
        "it's <b>a</b> &amp; b",
        "<p>one<br>two</p>",
        "<table><tr><td>1</td><td>&nbsp;</td></tr></table>",
        "<p></p>",
        "plain \u00a0 text <",
        "<ul><li>\u200b\U0001f389</li></ul>",
        '<p><img src="data:image/png;base64,AA==" alt="x"></p>',
    ],
)
async def test_html_that_the_server_rewrites_is_no_edit(
    opened: Any, project: Any, text: str
) -> None:
    world = await opened(Options(normalise_html=True))
    await world.write(project.module)
    steps = (TestStep(key="1", description=text, expected=text),)
    case = attrs.evolve(project.called, description=text, precondition=text, steps=steps)
    written = await world.write(case)
    assert (await world.sink.current(Kind.TEST_CASE, written.target_id)).stamp == written.stamp
    finished = await world.finish(case)
    assert (await world.sink.current(Kind.TEST_CASE, written.target_id)).stamp == finished.stamp


async def test_what_would_go_along_is_told(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    at = world.written
    module, run, release = (
        at[r.ref].target_id for r in (project.module, project.run, project.plan)
    )
    number = module.partition("/")[2]
    world.simulator.by_hand("POST", f"modules?parentId={number}", {"name": "Theirs"})
    body = {"name": "B1", "release": {"id": int(release.partition("/")[2])}, "properties": []}
    world.simulator.by_hand("POST", "builds", body)

    async def held(kind: Kind, number: str) -> tuple[Mark, ...]:
        marks = (await world.sink.children(kind, [number]))[number]
        return tuple(mark for mark in marks if mark.kind is not Kind.ATTACHMENT)

    inside = await held(Kind.FOLDER, module)
    assert [mark.key for mark in inside] == ["SHOP-F2", "", "SHOP-9", "SHOP-T1"]
    (log,) = await held(Kind.TEST_RUN, run)
    assert log.target_id == at[project.log.ref].target_id
    (build,) = await held(Kind.TEST_PLAN, release)
    assert (build.key, build.name) == ("", "B1")
    (suite,) = await held(Kind.FOLDER, at[project.cycles.ref].target_id)
    assert suite.target_id == at[project.cycle.ref].target_id
    case = await held(Kind.TEST_CASE, at[project.case.ref].target_id)
    assert [(mark.kind, mark.linked) for mark in case] == [
        (Kind.TEST_RUN, False),
        (Kind.REQUIREMENT, True),
    ]


@pytest.mark.parametrize("kind", [Kind.FIELD, Kind.ATTACHMENT])
async def test_nothing_depends_on_fields_and_files_whose_ids_name_other_objects(
    opened: Any, project: Any, kind: Kind
) -> None:
    asked: list[str] = []
    world = await opened(recorder=lambda request, _: asked.append(str(request)))
    await project.write_all(world)
    # of a case that requirements are linked to, and that runs use; a field's id may equal its id
    case = world.written[project.case.ref].target_id
    numbers = [
        world.written[each.ref].target_id
        for each in (project.case_file, *project.fields)
        if each.kind is kind
    ]
    numbers += [f"test-cases/{case}"] if kind is Kind.FIELD else []
    asked.clear()
    assert await world.sink.children(kind, numbers) == dict.fromkeys(numbers, ())
    assert not asked


async def test_what_is_gone_is_not_there(opened: Any) -> None:
    world = await opened()
    for kind, number in (
        (Kind.TEST_CASE, "1"),
        (Kind.FOLDER, "modules/1"),
        (Kind.TEST_LOG, "1/2"),
        (Kind.ATTACHMENT, "test-logs/1/2"),
        (Kind.FIELD, "test-cases/1"),
    ):
        assert await world.sink.current(kind, number) is None


async def test_nothing_is_deleted_by_force(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    with pytest.raises(Exception, match="is deleted with its run"):
        await world.sink.delete(Kind.TEST_LOG, world.written[project.log.ref].target_id)
    with pytest.raises(Exception, match="answered 4"):
        await world.sink.delete(Kind.FOLDER, world.written[project.module.ref].target_id)
    left = (
        project.result_file,
        project.run,
        project.cycle,
        project.plan,
        project.step_file,
        project.case,
        project.called,
        project.requirement,
        project.cycles,
        project.inner,
        project.module,
    )
    for record in left:
        await world.sink.delete(record.kind, world.written[record.ref].target_id)
    dump = world.dump()
    assert not any(dump[kind] for kind in ("modules", "test_cases", "requirements", "releases"))


async def test_what_was_written_though_the_answer_was_lost_is_found(
    opened: Any, project: Any
) -> None:
    faults = Faults(lost=1.0, only=lambda request: request.method == "POST")
    world = await opened(faults=faults)
    for record in records(project):
        with pytest.raises(DoubtError):
            await world.write(record)
        (found,) = await world.sink.find(record, world.written)
        world.written[record.ref] = found.written
        if record.kind is Kind.TEST_CASE:
            await world.finish(attrs.evolve(record, requirements=()))
    assert world.simulator.state.objects["test-logs"]


async def test_a_file_sent_though_the_answer_was_lost_is_found(opened: Any, project: Any) -> None:
    faults = Faults(plan=[], only=("POST",))
    world = await opened(faults=faults)
    await project.write_all(world)
    body: Content = attrs.evolve(project.bodies()[project.case_file], name="late.txt")
    file = attrs.evolve(project.case_file, key="SHOP-T2#8", name="late.txt", sha256=body.sha256)
    assert await world.sink.find(file, world.written) == ()
    faults.plan.append("lost")
    with pytest.raises(DoubtError):
        await world.write(file, body)
    assert len(await world.sink.find(file, world.written)) == 1
