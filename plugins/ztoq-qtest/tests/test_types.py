"""Every type of a custom field in Zephyr, in every type of field that the project may have.

A cell of the table is what arrives. ``-``: nothing, and the whole value stands beside, noted.
``~`` before it: less arrives, noted.
"""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from ztoq_core.plugin import FieldType, FieldValue, Level, Record

ALLOWED = ("Chrome", "Firefox", "Yes", "No")
# the columns of the table: label, data_type (vendor's document, creation of custom fields)
COLUMNS = {
    "Box": 1,
    "Area": 2,
    "Combo": 3,
    "Day": 4,
    "Person": 5,
    "Rich": 6,
    "Figure": 7,
    "Boxes": 8,
    "Time": 9,
    "Address": 12,
    "Several": 17,
}
CONSTRAINED = (3, 8, 17)
DAY, TIME = "2026-06-30T07:00:00+07:00", "2026-06-30T17:11:12+07:00"
LONG = "x" * 256
HTML = "<p>a <b>x</b></p>"
PERSON = ("Alice Tester", "5b10a2")
MAIL, NAMED = "alice@example.com", "Alice Tester (alice@example.com)"
LINK = "https://example.com/a?b=c"
BESIDE = dict.fromkeys(COLUMNS, "-")


def value(content: Any, type_: FieldType, *alternatives: str) -> FieldValue:
    return FieldValue(name="", value=content, type=type_, alternatives=alternatives)


def text(shown: str, **more: Any) -> dict[str, Any]:
    return {**BESIDE, "Box": shown, "Area": shown, "Rich": shown, **more}


TABLE: dict[str, tuple[FieldValue, dict[str, Any]]] = {
    "single choice": (
        value("Chrome", FieldType.CHOICE),
        text("Chrome", Combo="Chrome", Boxes=["Chrome"], Several=["Chrome"]),
    ),
    "single choice in other capitals": (
        value("CHROME", FieldType.CHOICE),
        text("CHROME", Combo="~Chrome", Boxes=["~", "Chrome"], Several=["~", "Chrome"]),
    ),
    "single choice that is not allowed": (value("Lynx", FieldType.CHOICE), text("Lynx")),
    "several choices": (
        value(("Chrome", "Firefox"), FieldType.MULTI_CHOICE),
        text("Chrome, Firefox", Boxes=["Chrome", "Firefox"], Several=["Chrome", "Firefox"]),
    ),
    "several choices of which there is one": (
        value(("Firefox",), FieldType.MULTI_CHOICE),
        text("Firefox", Combo="Firefox", Boxes=["Firefox"], Several=["Firefox"]),
    ),
    "several choices with commas": (
        value(("a, b", "Lynx"), FieldType.MULTI_CHOICE),
        text("~a, b, Lynx"),
    ),
    "ticked": (
        value(content=True, type_=FieldType.CHECKBOX),
        text("Yes", Combo="Yes", Boxes=["Yes"], Several=["Yes"]),
    ),
    "not ticked": (
        value(content=False, type_=FieldType.CHECKBOX),
        text("No", Combo="No", Boxes=["No"], Several=["No"]),
    ),
    "a line": (value("a <b> & c", FieldType.TEXT), text("a <b> & c", Rich="a &lt;b&gt; &amp; c")),
    "a line with two blanks": (value("a  b", FieldType.TEXT), text("a  b")),
    "a line that is long": (value(LONG, FieldType.LONG_TEXT), text(LONG, Box="-")),
    "lines": (value("a\nb", FieldType.LONG_TEXT), text("a\nb", Box="~a b", Rich="a<br>b")),
    "HTML": (value(HTML, FieldType.RICH_TEXT), text("~a x", Rich=HTML)),
    "HTML without markup": (value("a &lt; b", FieldType.RICH_TEXT), text("a < b", Rich="a &lt; b")),
    "number": (value(12, FieldType.NUMBER), text("12", Figure="12")),
    "decimal": (value(2.5, FieldType.NUMBER), text("2.5", Figure="2.5")),
    "small decimal": (value(1e-7, FieldType.NUMBER), text("0.0000001", Figure="0.0000001")),
    "negative": (value(-3, FieldType.NUMBER), text("-3", Figure="-3")),
    "digits that are a text": (value("007", FieldType.TEXT), text("007")),
    "date": (value("2026-06-30", FieldType.DATE), text("2026-06-30", Day=DAY, Time=DAY)),
    "date-time": (
        value("2026-06-30T10:11:12Z", FieldType.DATETIME),
        text("2026-06-30T10:11:12Z", Day="~" + TIME, Time=TIME),
    ),
    "date-time with a fraction": (
        value("2026-06-30T10:11:12.9Z", FieldType.DATETIME),
        text("2026-06-30T10:11:12.9Z", Day="~" + TIME, Time="~" + TIME),
    ),
    "figures that look like a date": (
        value("20260630", FieldType.TEXT),
        text("20260630", Figure="20260630"),
    ),
    "user": (value(MAIL, FieldType.USER, *PERSON), text(NAMED, Person="Alice Tester")),
    "user who is no member": (
        value("dora@example.com", FieldType.USER, "Dora", "5b10a3"),
        text("Dora (dora@example.com)"),
    ),
    "address": (value(LINK, FieldType.URL), text(LINK, Rich=LINK, Address=LINK)),
}


def shown(cell: str | list[str]) -> str | list[str]:
    if isinstance(cell, str):
        return cell.removeprefix("~")
    return [each for each in cell if each != "~"]


@pytest.fixture
async def world(opened: Any, project: Any) -> Any:
    """A project that has a field of each type for each kind of object."""
    found = await opened()
    for owner in ("test-cases", "releases", "test-suites", "test-runs"):
        for label, number in COLUMNS.items():
            body: dict[str, Any] = {"label": label, "data_type": number}
            if number in CONSTRAINED:
                body["allowed_values"] = [{"label": each} for each in ALLOWED]
            if number in {8, 17}:
                body["multiple"] = True
            found.simulator.by_hand("POST", f"settings/{owner}/fields", body)
    for record in (project.module, project.cycles, project.plan, project.cycle):
        await found.write(record)
    await found.whole(project.called)
    return found


def records(project: Any, number: int, fields: tuple[FieldValue, ...]) -> list[tuple[str, Record]]:
    """Return an object of each kind with these fields; a log's stand at its run's fields."""
    case = attrs.evolve(project.called, key=f"SHOP-T1{number:02}", fields=fields)
    plan = attrs.evolve(project.plan, key=f"SHOP-P1{number:02}", fields=fields)
    cycle = attrs.evolve(project.cycle, key=f"SHOP-R1{number:02}", fields=fields, plans=())
    run = attrs.evolve(project.run, key=f"r{number}", case=project.called.ref, environment="")
    log = attrs.evolve(
        project.log, key=f"SHOP-E1{number:02}", run=run.ref, case=project.called.ref,
        results=(), links=(), files=0, fields=fields,
    )  # fmt: skip
    return [
        ("test_cases", case),
        ("releases", plan),
        ("test_suites", cycle),
        ("test_runs", run),
        ("test_logs", log),
    ]


@pytest.mark.parametrize("row", TABLE)
async def test_a_value_arrives_whole_or_says_so(world: Any, project: Any, row: str) -> None:
    given, cells = TABLE[row]
    fields = tuple(attrs.evolve(given, name=label) for label in COLUMNS)
    for dumped, record in records(project, 1, fields):
        written = await world.write(record)
        if dumped == "test_runs":
            continue
        held = world.dump()[dumped][-1]
        texts = held.get("description", "") + held.get("note", "")
        notes = {
            code: {n.text.split("'")[1] for n in written.notes if n.code == code}
            for code in {note.code for note in written.notes}
        }
        beside = {label for label, cell in cells.items() if cell == "-"}
        # a suite has no text that could show it
        lost = any(note.level is Level.LOSS for note in written.notes)
        assert lost is (dumped == "test_suites" and bool(beside))
        lossy = {label for label, cell in cells.items() if cell != "-" and cell[0][0] == "~"}
        assert notes.get("field-as-text", notes.get("field-lost", set())) == beside
        assert notes.get("field-lossy", set()) == lossy
        for label, cell in cells.items():
            arrived = held["properties"].get(label)
            if cell == "-":
                assert not arrived
                assert dumped == "test_suites" or f"<th>{label}</th>" in texts
            else:
                assert arrived == shown(cell), label
