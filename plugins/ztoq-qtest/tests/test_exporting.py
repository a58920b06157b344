"""Field definitions in a file, for a token that may not list them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options

from ztoq_core.plugin import AccessError, ConfigError, FieldExport, FieldType, FieldValue, Kind

TOKEN = "7f1d3c52-5a3b-4a52-9a55-2b6a4c1d9e10"
BROWSER = FieldValue(name="Browser", value="Chrome", type=FieldType.CHOICE)


def write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


async def exported(world: Any, path: Path) -> dict[str, Any]:
    body = {"label": "Browser", "data_type": 3, "allowed_values": [{"label": "Chrome"}]}
    world.simulator.by_hand("POST", "settings/test-cases/fields", body)
    for kind in ("test-cases", "test-suites", "test-runs", "releases", "requirements"):
        label = {"label": "Zephyr key", "data_type": 1}
        world.simulator.by_hand("POST", f"settings/{kind}/fields", label)
    found: dict[str, Any] = dict(await world.sink.export_fields())
    write(path, json.dumps(found))
    return found


async def test_what_one_token_wrote_another_writes_with(
    opened: Any, project: Any, tmp_path: Path
) -> None:
    path = tmp_path / "fields.json"
    # the simulator can be told to forbid the fields as it runs; the port stays the same
    world = await opened(fields_file=path)
    sink: object = world.sink
    assert isinstance(sink, FieldExport)
    found = await exported(world, path)
    assert TOKEN not in json.dumps(found)
    assert set(found["fields"]) >= {"test-cases", "test-runs", "test-steps"}
    world.simulator.options.fields_forbidden = True

    assert not [each for each in await world.sink.check() if "may not list" in each.text]
    schema = await world.sink.describe()
    assert (schema.fields_known, schema.can_create_fields) == (True, False)
    await world.write(project.module)
    written = await world.write(attrs.evolve(project.called, fields=(BROWSER,)))
    case = world.dump()["test_cases"][0]
    assert case["properties"]["Browser"] == "Chrome"
    assert case["properties"]["Zephyr key"] == "SHOP-T1"
    assert written.notes == ()


async def test_a_token_that_may_list_fields_needs_no_file(opened: Any, tmp_path: Path) -> None:
    path = tmp_path / "fields.json"
    world = await opened(fields_file=path)
    await exported(world, path)
    assert (await world.sink.describe()).can_create_fields


async def test_a_token_that_may_not_list_fields_exports_none(opened: Any) -> None:
    world = await opened(Options(fields_forbidden=True))
    with pytest.raises(AccessError):
        await world.sink.export_fields()


GOOD = {"ztoq_qtest_fields": 1, "host": "", "project": 4242, "fields": {}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not JSON"),
        ("[]", "does not hold fields of a qTest project"),
        (json.dumps({**GOOD, "ztoq_qtest_fields": 2}), "does not hold fields of a qTest project"),
        (json.dumps({**GOOD, "project": 7}), "is of project 7"),
        (json.dumps({**GOOD, "host": "other.example.com"}), "on 'other.example.com', not of"),
        (json.dumps({**GOOD, "fields": []}), "cannot be used"),
        (json.dumps({**GOOD, "fields": {"test-cases": [{"label": "x"}]}}), "without 'id'"),
    ],
)
async def test_a_file_that_is_another_stops_the_check(
    opened: Any, tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "fields.json"
    world = await opened(fields_file=path)
    if text is not None:
        host = world.base_url.partition("://")[2]
        write(path, text.replace('"host": ""', f'"host": "{host}"'))
    with pytest.raises(ConfigError, match=message):
        await world.sink.check()


async def test_a_file_that_is_right_changes_nothing_of_the_check(
    opened: Any, tmp_path: Path
) -> None:
    path = tmp_path / "fields.json"
    world = await opened(fields_file=path)
    host = world.base_url.partition("://")[2]
    write(path, json.dumps({**GOOD, "host": host}))
    assert not [each for each in await world.sink.check() if each.level == "error"]
    assert (await world.sink.describe()).field(Kind.TEST_CASE, "Status")
