"""The transformers in the order of a configuration."""

from __future__ import annotations

from pathlib import Path

from ztoq_mappings.fields import FIELDS
from ztoq_mappings.values import VALUES
from ztoq_mappings.zephyr_qtest import ZEPHYR_QTEST

from ztoq_core.config import from_tables
from ztoq_core.plugin import FieldValue, Schema, TestCase
from ztoq_core.plugins import Plugins

CONFIG = {
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
        each.name for each in (VALUES, FIELDS, ZEPHYR_QTEST)
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
