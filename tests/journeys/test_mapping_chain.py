"""The transformers in the order of a configuration."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ztoq_mappings.fields import FIELDS
from ztoq_mappings.to_qtest import TO_QTEST
from ztoq_mappings.values import VALUES
from ztoq_mappings.workbench.coverage import Coverage
from ztoq_mappings.workbench.fitting import Outcome

from ztoq_core.plugin import (
    FieldLimits,
    FieldSpec,
    FieldType,
    FieldValue,
    Kind,
    Schema,
    TestCase,
    TestStep,
)
from ztoq_core.plugins import Plugins
from ztoq_core.records import Record
from ztoq_core.settings.config import from_tables
from ztoq_core.store import MappingOutcome, State

CONFIG: dict[str, Any] = {
    "source": {"use": "zephyr", "project": "ACME", "token": {"env": "ZEPHYR_TOKEN"}},
    "sink": {
        "use": "qtest",
        "base_url": "https://x.example",
        "project": 1,
        "token": {"env": "QTEST_TOKEN"},
    },
    "transform": [
        {"use": "values", "fields": {"Browser": {"ff": "Firefox"}}},
        {"use": "fields", "mapping": "acme-mapping.toml"},
    ],
}
MAPPING = """\
format = 1

[types.test_case]
"Effort" = "text"

[[test_case.field]]
from = "Browser"
to = "Test browser"
type = "choice"
values = { "Firefox" = "Mozilla Firefox" }
otherwise = "fail"

[[test_case.field]]
from = "@component"
to = "Module"
type = "choice"
"""


def test_values_then_fields_then_the_default_mapping(tmp_path: Path) -> None:
    (tmp_path / "acme-mapping.toml").write_text(MAPPING, encoding="utf-8")
    config = from_tables(CONFIG, Plugins.installed(), tmp_path)
    assert [part.plugin.name for part in config.chain()] == [
        each.name for each in (VALUES, FIELDS, TO_QTEST)
    ]
    record: object = TestCase(
        key="ACME-T1",
        name="Log in",
        component="Web",
        fields=(FieldValue(name="Browser", value="FF"), FieldValue(name="Effort", value=3)),
    )
    for change in config.build(Schema()):
        assert isinstance(record, TestCase)
        record = change(record)
    assert isinstance(record, TestCase)
    found = {field.name: (field.type, field.value) for field in record.fields}
    assert found == {
        "Test browser": ("choice", "Mozilla Firefox"),
        "Module": ("choice", "Web"),
        "Effort": ("text", "3"),
    }


STEP_RULES = """\
format = 1

[test_step]
leave_out = "Old id"

[[test_step.field]]
from = "Risk"
to = "Step risk"
type = "choice"
values = { "1" = "High", "2" = "Low", "3" = "Odd" }
otherwise = "drop"

[[test_step.field]]
template = "{@expected}<p>{Screen}</p>"
to = "@expected"
when = { field = "Screen", empty = false }
"""
BECOMES = {"1": "exact", "2": "exact", "3": "fallback", "9": "skipped"}
"""What becomes of a value of "Risk" where the site has "Step risk" with High and Low."""


def test_values_in_steps_are_counted_as_they_arrive(tmp_path: Path) -> None:
    (tmp_path / "acme-mapping.toml").write_text(STEP_RULES, encoding="utf-8")
    config = from_tables(
        {**CONFIG, "transform": CONFIG["transform"][1:]},
        Plugins.installed(),
        tmp_path,
    )
    expected: Counter[tuple[str, str]] = Counter()
    cases = []
    for number in range(40):
        steps = []
        for place in range(1, 1 + number % 4):
            risk = "1239"[(number + place) % 4]
            fields = [FieldValue(name="Risk", value=risk)]
            expected["Risk", BECOMES[risk]] += 1
            if place == 2:
                fields.append(FieldValue(name="Old id", value=number))
                expected["Old id", "skipped"] += 1
            if number % 3 == 0:
                fields.append(FieldValue(name="Screen", value=f"S{number}"))
                expected["Screen", "exact"] += 1
            if number % 5 == 0:
                fields.append(FieldValue(name="Hint", value="Pay cash"))
                expected["Hint", "fallback"] += 1
            steps.append(TestStep(key=str(place), description="Pay", fields=tuple(fields)))
        # a field of the case that has the name of one of the steps changes nothing
        own = (FieldValue(name="Old id", value="x"),)
        cases.append(TestCase(key=f"ACME-T{number}", name="x", fields=own, steps=tuple(steps)))
    risk_field = FieldSpec(
        kind=Kind.TEST_CASE, name="Step risk", type=FieldType.CHOICE, values=("High", "Low")
    )
    coverage = Coverage(Schema(step_fields=(risk_field,), can_create_fields=True), FieldLimits())
    transforms = config.build(Schema())
    for case in cases:
        mapped: Record = case
        for change in transforms:
            mapped = change(mapped)
        fate = MappingOutcome(item=1, source=case, record=mapped, state=State.READY)
        coverage.add(Kind.TEST_CASE, [fate])
    found = {
        (row.field, arrival.value): count
        for row in coverage.rows()
        if row.of_steps
        for arrival, count in row.counts.items()
        if count
    }
    assert found == expected
    (own_id,) = (row for row in coverage.rows() if not row.of_steps)
    assert own_id.counts[Outcome.EXACT] == len(cases)
