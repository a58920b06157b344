"""Fields of test steps are the site's: filled where they are there, never made."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options
from ztoq_demo.qtest.fields import AllowedValue, Field, Form

from ztoq_core.plugin import FieldType, FieldValue, TestStep

STEP = TestStep(
    key="1",
    description="<p>Pay</p>",
    expected="<p>Paid</p>",
    fields=(
        FieldValue(name="Risk", value="High", type=FieldType.TEXT),
        FieldValue(name="notes", value="a < b", type=FieldType.TEXT),
        FieldValue(name="Area", value="Shop", type=FieldType.TEXT),
        FieldValue(name="Hint", value="x", type=FieldType.TEXT, optional=True),
    ),
)


def site_field(world: Any, label: str, number: int, form: Form, *labels: str) -> Field:
    site = world.simulator.site
    values = {
        number_: AllowedValue(id=number_, label=text, order=1)
        for number_, text in enumerate(labels, 9000)
    }
    field = Field(
        id=site.state.new_id(),
        project=None,
        owner="test-steps",
        label=label,
        original_name=label,
        data_type=number,
        form=form,
        order=1,
        values=values,
    )
    site.fields.add(field)
    return field


def held(world: Any) -> list[dict[str, str]]:
    site = world.simulator.site
    case = next(iter(site.state.objects["test-cases"].values()))
    return [
        {site.fields.table[n].label: text for n, text in step.fields.items()}
        for step in case.latest.steps
    ]


def texts(world: Any) -> list[str]:
    return [each["description"] for each in world.dump()["test_cases"][0]["versions"][-1]["steps"]]


async def test_fields_of_the_site_are_filled_and_the_rest_is_text(
    opened: Any, project: Any
) -> None:
    world = await opened()
    site_field(world, "Risk", 3, Form.CHOICE, "Low", "High")
    site_field(world, "Notes", 6, Form.RICH)
    site_field(world, "Area", 1, Form.TEXT)  # of a type that steps do not take
    await world.write(project.module)
    case = attrs.evolve(project.called, steps=(STEP, TestStep(key="2", description="End")))

    written = await world.write(case)

    assert held(world) == [{"Risk": "9001", "Notes": "a &lt; b"}, {}]
    first, second = texts(world)
    assert "<th>Area</th><td>Shop</td>" in first
    assert "Risk" not in first
    assert second == "End"
    assert [note.code for note in written.notes] == ["step-fields"]
    assert sorted(written.parts) == ["1", "2"]


@pytest.mark.parametrize("forbidden", [True, False])
async def test_the_schema_shows_those_that_steps_take(opened: Any, *, forbidden: bool) -> None:
    world = await opened(Options(fields_forbidden=forbidden))
    site_field(world, "Risk", 3, Form.CHOICE, "Low", "High")
    site_field(world, "Notes", 6, Form.RICH)
    site_field(world, "Area", 1, Form.TEXT)
    schema = await world.sink.describe()
    found = {each.name: (each.type, each.values) for each in schema.step_fields}
    shown = {
        "Risk": (FieldType.CHOICE, ("Low", "High")),
        "Notes": (FieldType.RICH_TEXT, ()),
    }
    assert found == ({} if forbidden else shown)
    assert "Risk" not in {each.name for each in schema.fields}


@pytest.mark.parametrize("becomes", ["ignored", "refused"])
async def test_where_the_site_does_not_take_them_descriptions_do(
    opened: Any, project: Any, becomes: str
) -> None:
    world = await opened(Options(step_fields=becomes))
    site_field(world, "Risk", 3, Form.CHOICE, "High")
    await world.write(project.module)
    for key in ("SHOP-T1", "SHOP-T2"):
        written = await world.write(attrs.evolve(project.called, key=key, steps=(STEP,)))
        assert [note.code for note in written.notes] == ["step-fields"]
    assert held(world) == [{}]
    assert "<th>Risk</th><td>High</td>" in texts(world)[0]
    calls = world.simulator.calls
    cases = "/api/v3/projects/{projectId}/test-cases"
    assert len(world.dump()["test_cases"]) == 2
    assert calls["POST", cases] == (3 if becomes == "refused" else 2)
    assert calls["PUT", cases + "/{testCaseId}"] == (1 if becomes == "ignored" else 0)


async def test_what_is_refused_for_another_reason_stays_refused(opened: Any, project: Any) -> None:
    world = await opened()
    site_field(world, "Risk", 3, Form.CHOICE, "High")
    await world.write(project.module)
    case = attrs.evolve(project.called, name="two\nlines", steps=(STEP,))
    with pytest.raises(Exception, match="400"):
        await world.write(case)
    await world.write(attrs.evolve(case, name="one line"))
    assert held(world) == [{"Risk": "9000"}]


@pytest.mark.parametrize("forbidden", [True, False])
async def test_without_such_fields_all_is_text(
    opened: Any, project: Any, *, forbidden: bool
) -> None:
    world = await opened(Options(fields_forbidden=forbidden))
    await world.write(project.module)
    written = await world.write(attrs.evolve(project.called, steps=(STEP,)))
    for row in ("<th>Risk</th><td>High</td>", "<th>notes</th><td>a &lt; b</td>"):
        assert row in texts(world)[0]
    assert "Hint" not in texts(world)[0]
    assert "step-fields" in [note.code for note in written.notes]


@pytest.mark.parametrize("now", ["ignored", "refused", "kept"])
async def test_a_step_that_is_sent_again_keeps_its_values(
    opened: Any, project: Any, now: str
) -> None:
    options = Options()
    world = await opened(options)
    site_field(world, "Risk", 3, Form.CHOICE, "Low", "High")
    for record in (project.module, project.called):
        await world.write(record)
    link = f'<a href="{project.called.ref.address}">SHOP-T1</a>'
    step = attrs.evolve(STEP, description=link)
    case = attrs.evolve(
        project.case,
        folder=project.module.ref,
        steps=(step, TestStep(key="2", description="End")),
        requirements=(),
        text_refs=(project.called.ref,),
    )
    await world.write(case)
    options.step_fields = now  # as where another process goes on, which was not told

    await world.finish(case)

    site = world.simulator.site
    first, _ = list(site.state.objects["test-cases"].values())[1].latest.steps
    assert "SHOP-T1" in first.description
    assert "ztoq:" not in first.description
    in_text = "<th>Risk</th><td>High</td>" in first.description
    assert (in_text, bool(first.fields)) == ((False, True) if now == "kept" else (True, False))


async def test_an_unticked_box_of_a_step_gets_no_table(opened: Any, project: Any) -> None:
    world = await opened()
    await world.write(project.module)
    box = FieldValue(name="Automated", value=False, type=FieldType.CHECKBOX)
    none = FieldValue(name="Times", value=0, type=FieldType.NUMBER)
    steps = (
        TestStep(key="1", description="Open", fields=(box,)),
        TestStep(key="2", description="Close", fields=(attrs.evolve(box, value=True), none)),
    )
    await world.write(attrs.evolve(project.called, steps=steps))
    first, second = world.dump()["test_cases"][0]["versions"][-1]["steps"]
    assert first["description"] == "Open"
    assert "<th>Automated</th><td>Yes</td>" in second["description"]
    assert "<th>Times</th><td>0</td>" in second["description"]
