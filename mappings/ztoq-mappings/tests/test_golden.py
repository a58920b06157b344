"""Each folder in ``cases`` is a record before and after; ``pytest --update`` rewrites the latter.

``in.json`` holds ``kind``, ``record`` and, where they matter, ``fields`` (as observed), ``users``
(whom a directory knows), ``options`` (of the mapping), ``sink`` (attributes of the sink's config).
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from ztoq_mappings.zephyr_qtest import ZEPHYR_QTEST, Options

from ztoq_core.convert import converter, dumps, loads
from ztoq_core.plugin import FieldSpec, Kind, Record, Scene, Schema, Skip, User

CASES = sorted((Path(__file__).parent / "cases").iterdir())


def shown(record: Record) -> dict[str, Any]:
    return {"kind": record.kind.value, "record": orjson.loads(dumps(record))}


def mapped(before: dict[str, Any]) -> dict[str, Any]:
    scene = Scene(
        source=Schema(
            fields=converter.structure(before.get("fields", ()), tuple[FieldSpec, ...]),
            users=converter.structure(before.get("users", ()), tuple[User, ...]),
        ),
        source_config=SimpleNamespace(project="ACME"),
        sink_config=SimpleNamespace(**before.get("sink", {})),
    )
    transform = ZEPHYR_QTEST.build(converter.structure(before.get("options", {}), Options), scene)
    record = loads(Kind(before["kind"]), orjson.dumps(before["record"]))
    try:
        after = transform(record)
    except Skip as skip:
        return {"skip": skip.why, "loss": skip.loss}
    assert after.ref == record.ref
    for brought in after.brings:
        assert transform(brought) == brought, "what is brought passes the mapping unchanged"
    found = shown(after)
    return found | ({"brings": [shown(each) for each in after.brings]} if after.brings else {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_golden_case(case: Path, request: pytest.FixtureRequest) -> None:
    after = mapped(orjson.loads((case / "in.json").read_bytes()))
    golden = case / "out.json"
    if request.config.getoption("--update", default=False):
        golden.write_bytes(
            orjson.dumps(after, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
    assert after == orjson.loads(golden.read_bytes())
