"""Every kind written to a simulated site over HTTP, looked at there, and read back."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options

from ztoq_core.plugin import FieldType, FieldValue, Kind, Link, LinkType, Ref, TestCase, TestLog

KEYED = {
    "requirements": "SHOP-9",
    "test_cases": "SHOP-T2",
    "releases": "SHOP-P1",
    "test_suites": "SHOP-R1",
    "test_runs": "SHOP-R1/SHOP-T2/Staging",
}


def last(world: Any, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = world.dump()[kind][-1]
    return found


async def test_every_kind_arrives(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)

    dump = world.dump()
    assert {kind: len(dump[kind]) for kind in (*KEYED, "modules", "test_cycles", "test_logs")} == {
        "requirements": 1,
        "test_cases": 2,
        "releases": 1,
        "test_suites": 1,
        "test_runs": 1,
        "modules": 2,
        "test_cycles": 1,
        "test_logs": 1,
    }
    for kind, key in KEYED.items():
        assert dump[kind][-1]["properties"]["Zephyr key"] == key
    assert dump["modules"][1]["path"] == ["Checkout"]
    assert "<p>Zephyr key: SHOP-F2</p>" in dump["modules"][1]["description"]
    assert world.simulator.server.errors == []


async def test_a_case_arrives_with_typed_values_steps_files_and_approval(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await project.write_all(world)

    case = last(world, "test_cases")
    assert case["properties"]["Browser"] == ["Chrome", "Firefox"]
    assert case["properties"]["Priority"] == "High"
    assert case["properties"]["Assigned To"] == "Alice Tester"
    assert case["description"].startswith("<p>Pay it's</p><h3>More from the source</h3>")
    assert "<th>Legacy id</th><td>A&amp;B</td>" in case["description"]
    assert "Folder path" not in case["description"]
    assert case["name"] == "Pay \N{PARTY POPPER}"
    assert case["version"] == "1.0"
    assert [file["name"] for file in case["attachments"]] == ["basket.txt"]
    steps = case["versions"][-1]["steps"]
    assert [step["expected"] for step in steps] == ["<p>Chosen</p>", "", "<p>Paid</p>"]
    assert steps[1]["called"] == world.dump()["test_cases"][0]["id"]
    assert [file["name"] for file in steps[2]["attachments"]] == ["na%C3%AFve %E2%9C%93.png"]
    assert [note.code for note in world.written[project.case.ref].notes] == ["field-as-text"]
    assert dump_links(world) == [("requirements", "test-cases")]


def dump_links(world: Any) -> list[tuple[str, str]]:
    return [(first, second) for first, _, second, _ in world.dump()["links"]]


async def test_the_execution_tree_arrives(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)

    release, suite, run = (last(world, kind) for kind in ("releases", "test_suites", "test_runs"))
    assert release["note"] == "<p>/Plans</p>"
    assert (release["start"], release["end"]) == (1709251200, 1711929600)
    assert suite["target_release"] in (release["id"], release["pid"], release["name"])
    assert suite["path"] == ["2024"]
    assert suite["properties"]["Planned Start Date"] == "2024-03-04T07:00:00+07:00"
    assert run["properties"]["Environment"] == "Staging"
    assert run["name"] == "Pay"


async def test_a_log_has_results_of_all_steps_called_ones_too(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)

    log = last(world, "test_logs")
    assert [step["status"] for step in log["steps"]] == [
        "Passed",
        "Passed",
        "Unexecuted",
        "Failed",
    ]
    assert log["steps"][3]["actual_result"] == (
        "<p>Row 1: Failed</p><p>refused</p><p>Row 2: Passed</p>"
    )
    assert log["status"] == "Failed"
    assert (log["start"], log["end"]) == (1709632800, 1709633100)
    assert log["note"] == "<p>Executed by Alice</p><p>Zephyr key: SHOP-E1</p>"
    assert log["defects"] == ["SHOP-77"]
    assert log["steps"][3]["defects"] == ["SHOP-78"]
    assert [file["name"] for file in log["steps"][3]["attachments"]] == ["shot.png"]


@pytest.mark.parametrize("shown", ["nested", "flat"])
async def test_called_steps_are_understood_however_they_are_shown(
    opened: Any, project: Any, shown: str
) -> None:
    world = await opened(Options(called_steps=shown))
    await project.write_all(world)
    parts = world.written[project.case.ref].parts
    assert sorted(parts) == ["1", "2", "2/1", "2/2", "3"]
    assert len(last(world, "test_logs")["steps"]) == 4
    looked = await world.sink.current(Kind.TEST_CASE, world.written[project.case.ref].target_id)
    assert looked.stamp == world.written[project.case.ref].stamp


@pytest.mark.parametrize("shown", ["nested", "flat"])
async def test_a_called_case_without_steps_moves_no_other_step(
    opened: Any, project: Any, shown: str
) -> None:
    """A flat answer then shows nothing of the calling step."""
    world = await opened(Options(called_steps=shown))
    without = attrs.evolve(project, called=attrs.evolve(project.called, steps=()))
    await without.write_all(world)
    written = world.written[project.case.ref]
    (case,) = (each for each in world.dump()["test_cases"] if str(each["id"]) == written.target_id)
    ids = [str(step["id"]) for step in case["versions"][-1]["steps"]]
    assert written.parts == dict(zip(("1", "2", "3"), ids, strict=True))
    looked = await world.sink.current(Kind.TEST_CASE, written.target_id)
    assert looked.stamp == written.stamp


async def test_a_called_case_that_is_not_there_becomes_text(opened: Any, project: Any) -> None:
    world = await opened()
    for record in (project.module, project.inner):
        await world.write(record)
    written = await world.write(attrs.evolve(project.case, fields=(), requirements=()))
    assert [note.code for note in written.notes] == ["call-as-text"]
    assert last(world, "test_cases")["versions"][0]["steps"][1]["called"] is None


async def test_a_log_whose_results_join_nothing_lists_them_in_the_note(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await project.write_all(world)
    strange = tuple(attrs.evolve(each, step="9") for each in project.log.results)
    written = await world.write(attrs.evolve(project.log, key="SHOP-E2", results=strange))
    assert [note.code for note in written.notes] == ["step-drift"]
    assert "<h3>Executed steps</h3>" in last(world, "test_logs")["note"]
    assert last(world, "test_logs")["steps"] == []


async def test_a_log_whose_steps_qtest_refuses_lists_them_in_the_note(
    opened: Any, project: Any
) -> None:
    """The document does not say which steps a log has to name: those of called cases or not."""
    world = await opened(Options(logged_steps="own"))
    await project.write_all(world)
    assert "step-drift" in [note.code for note in world.written[project.log.ref].notes]
    log = last(world, "test_logs")
    assert "<h3>Executed steps</h3>" in log["note"]
    assert all(each.actual in log["note"] for each in project.log.results)


async def test_a_defect_that_cannot_be_linked_stands_in_the_note(opened: Any, project: Any) -> None:
    world = await opened(Options(jira_keys=frozenset({"SHOP-77"})))
    await project.write_all(world)
    codes = [note.code for note in world.written[project.log.ref].notes]
    assert codes == ["step-defect-on-log", "defect-as-text"]
    log = last(world, "test_logs")
    assert log["defects"] == ["SHOP-77"]
    assert "<p>Defects: SHOP-78</p>" in log["note"]
    assert "Zephyr key: SHOP-E1" in log["note"]


async def test_a_requirement_that_cannot_be_linked_is_a_loss(opened: Any, project: Any) -> None:
    options = Options()
    world = await opened(options)
    for record in (project.module, project.inner, project.requirement):
        await world.write(record)
    case = attrs.evolve(project.case, steps=(), fields=())
    written = await world.write(case)
    options.unlinkable = frozenset({int(written.target_id)})
    finished = await world.finish(case)
    assert [note.code for note in finished.notes] == ["requirement-not-linked"]


async def test_finishing_may_be_repeated(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    before = world.dump()
    first = world.written[project.case.ref]
    assert await world.finish(project.case) == first
    await world.finish(project.log)
    after = world.dump()
    assert after["test_cases"][-1]["version"] == "1.0"
    assert after["links"] == before["links"]
    assert after["test_logs"] == before["test_logs"]


@pytest.mark.parametrize(
    ("setting", "facts", "version"),
    [
        ("needed", {"executed": False, "approve": False}, "0.1"),
        ("needed", {"executed": True, "approve": False}, "1.0"),
        ("needed", {"executed": False, "approve": True}, "1.0"),
        ("all", {"executed": False, "approve": False}, "1.0"),
        ("none", {"executed": True, "approve": True}, "0.1"),
    ],
)
async def test_cases_are_approved_where_it_is_due(
    opened: Any, project: Any, setting: str, facts: dict[str, bool], version: str
) -> None:
    world = await opened(approve=setting)
    await world.write(project.module)
    await world.whole(attrs.evolve(project.called, **facts))
    assert last(world, "test_cases")["version"] == version


async def test_an_existing_requirement_is_linked_and_never_changed(
    opened: Any, project: Any
) -> None:
    world = await opened()
    made = world.simulator.by_hand("POST", "requirements", {"name": "SHOP-9", "properties": []})
    await world.write(project.module)
    written = await world.write(project.requirement)
    again = await world.write(project.requirement)
    assert written.borrowed
    assert again.borrowed
    assert written.target_id == again.target_id == str(made["id"])
    assert [each["name"] for each in world.dump()["requirements"]] == ["SHOP-9"]
    with pytest.raises(Exception, match="was not made by ztoq"):
        await world.sink.delete(Kind.REQUIREMENT, written.target_id)


async def test_plans_become_cycles_where_the_config_says_so(opened: Any, project: Any) -> None:
    world = await opened(plans="cycle")
    await world.write(project.plan)
    cycle = last(world, "test_cycles")
    assert cycle["name"] == "Spring"
    assert "<td>2024-03-01T00:00:00+00:00</td>" in cycle["description"]
    (found,) = await world.sink.find(project.plan, world.written)
    assert found.written == world.written[project.plan.ref]
    marks = await world.sink.marks(Kind.TEST_PLAN, (), None)
    assert [mark.key for mark in marks.marks] == ["SHOP-P1"]
    assert (await world.sink.marks(Kind.FOLDER, (), None)).marks == ()
    read = await world.sink.read(Kind.TEST_PLAN, world.written[project.plan.ref].target_id)
    assert (read.key, read.description) == ("SHOP-P1", "<p>Plan</p><p>/Plans</p>")


@pytest.mark.parametrize("name", ["Moon", "Moon/Far side", "Moon [far]"])
async def test_an_unknown_environment_stands_after_the_name(
    opened: Any, project: Any, name: str
) -> None:
    world = await opened()
    await project.write_all(world)
    run = attrs.evolve(project.run, key=f"SHOP-R1/SHOP-T2/{name}", environment=name)
    written = await world.write(run)
    shown = name.replace("[", "%5B").replace("]", "%5D")
    assert last(world, "test_runs")["name"] == f"Pay [{shown}]"
    held = await world.sink.read(Kind.TEST_RUN, written.target_id)
    assert (held.name, held.environment) == ("Pay", name)


async def test_roots_hold_what_has_no_folder(opened: Any, project: Any) -> None:
    world = await opened(root_module="From Zephyr", root_cycle="History")
    schema = await world.sink.describe()
    for root in schema.roots:
        await world.write(root)
    await world.write(project.module)
    await world.write(attrs.evolve(project.cycle, folder=None, plans=()))
    dump = world.dump()
    assert [each["path"] for each in dump["modules"]] == [[], ["From Zephyr"]]
    assert dump["test_suites"][0]["path"] == ["History"]


async def test_required_fields_of_runs_go_along_with_logs(opened: Any, project: Any) -> None:
    world = await opened(Options(required_fields={"test-runs": ("Environment",)}))
    await project.write_all(world)
    assert len(world.dump()["test_logs"]) == 1


async def test_a_version_names_the_release(opened: Any, project: Any) -> None:
    world = await opened()
    made = world.simulator.by_hand("POST", "releases", {"name": "2.0", "properties": []})
    await world.write(project.cycles)
    cycle = attrs.evolve(project.cycle, version="2.0", plans=())
    assert (await world.write(cycle)).notes == ()
    other = attrs.evolve(cycle, key="SHOP-R2", version="10201")
    assert [note.code for note in (await world.write(other)).notes] == ["version-lost"]
    suites = world.simulator.state.objects["test-suites"].values()
    assert [suite.target_release for suite in suites] == [made["id"], None]


async def test_a_name_that_is_cut_for_its_key_is_noted_as_lost(opened: Any, project: Any) -> None:
    world = await opened()
    await world.write(project.cycles)
    cycle = attrs.evolve(project.cycle, plans=(), name="n" * 600)
    written = await world.write(cycle)
    assert [note.code for note in written.notes] == ["name-cut"]
    held = await world.sink.read(Kind.TEST_CYCLE, written.target_id)
    assert held.name == "n" * (500 - len(f" [{cycle.key}]"))
    assert not (await world.write(attrs.evolve(cycle, key="SHOP-R2", name="a\nb"))).notes


async def test_what_a_suite_has_no_field_for_is_kept_in_the_store(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await world.write(project.cycles)
    text = FieldValue(name="Iteration", value="7", type=FieldType.TEXT)
    person = FieldValue(name="Lead", value="bob@left.example", type=FieldType.USER)
    written = await world.write(attrs.evolve(project.cycle, plans=(), fields=(text, person)))
    assert [note.code for note in written.notes] == ["field-lost", "field-lost"]
    assert [note.text.partition("; create ")[2] for note in written.notes] == [
        "the field or the value and migrate again",
        "the user bob@left.example, or a text field of that name, and migrate again",
    ]


async def test_case_and_log_read_back_as_they_were(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    written = world.written

    case = await world.sink.read(Kind.TEST_CASE, written[project.case.ref].target_id)
    assert isinstance(case, TestCase)
    for name in ("key", "name", "description", "precondition"):
        assert getattr(case, name) == getattr(project.case, name)
    assert [step.expected for step in case.steps] == ["<p>Chosen</p>", "", "<p>Paid</p>"]
    values = {value.name: value.value for value in case.fields}
    assert values["Browser"] == ("Chrome", "Firefox")
    assert values["Priority"] == "High"
    assert values["Assigned To"] == "Alice Tester"
    assert "Zephyr key" not in values

    log = await world.sink.read(Kind.TEST_LOG, written[project.log.ref].target_id)
    assert isinstance(log, TestLog)
    assert (log.key, log.note, log.status) == ("SHOP-E1", project.log.note, "Failed")
    assert log.start == project.log.start.replace(microsecond=0)
    assert [each.status for each in log.results] == ["Passed", "Passed", "Unexecuted", "Failed"]


async def test_all_other_kinds_read_back(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    others = (
        project.module,
        project.cycles,
        project.requirement,
        project.plan,
        project.cycle,
        project.run,
        project.case_file,
        project.fields[-1],
    )
    for record in others:
        read = await world.sink.read(record.kind, world.written[record.ref].target_id)
        assert read.name == record.name
        if record.kind is not Kind.ATTACHMENT:
            assert read.key == record.key
        if record.kind in {Kind.FOLDER, Kind.REQUIREMENT, Kind.TEST_PLAN}:
            assert read.description == record.description
    file = await world.sink.read(Kind.ATTACHMENT, world.written[project.case_file.ref].target_id)
    assert file.sha256 == project.bodies()[project.case_file].sha256


async def test_links_of_a_case_without_executions_are_made_without_approval(
    opened: Any, project: Any
) -> None:
    world = await opened()
    for record in (project.module, project.inner, project.requirement):
        await world.write(record)
    link = Link(type=LinkType.COVERAGE, issue_key="SHOP-9")
    case = attrs.evolve(project.case, executed=False, steps=(), links=(link,))
    await world.whole(case)
    assert dump_links(world) == [("requirements", "test-cases")]
    assert last(world, "test_cases")["version"] == "0.1"
    assert world.written[Ref(Kind.REQUIREMENT, "SHOP-9")] is not None
