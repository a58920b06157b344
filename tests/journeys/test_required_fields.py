"""Fields that the target requires and no record fills: found before the first write, per kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from ztoq_testkit.simulate import Reply, Request

from tests.journeys.journey import in_virtual_time, journey
from ztoq_core.errors import ConfigError, one_error


@pytest.mark.parametrize(
    ("type_", "kind", "custom"),
    [
        ("test-cases", "test case: the required field {!r} has no value in 6 records", True),
        ("test-suites", "test cycle: the required field {!r} has no value in 1 record", True),
        ("test-runs", "test run: the required field {!r} has no value in 6 records", True),
        ("test-runs", "test run: the required field {!r} has no value in 6 records", False),
    ],
)
def test_a_required_field_that_nothing_fills_stops_before_the_first_write(
    tmp_path: Path, type_: str, kind: str, *, custom: bool
) -> None:
    label = "Team" if custom else "Assigned To"

    @in_virtual_time
    async def go() -> None:
        required = {} if custom else {"required_fields": {type_: (label,)}}
        async with journey(tmp_path, qtest=required) as world:
            if custom:
                body = {"label": label, "data_type": 1, "required": True, "is_active": True}
                world.qtest.by_hand("POST", f"settings/{type_}/fields", body)
            before = world.qtest.dump()
            with pytest.raises(ConfigError) as failed, one_error():
                await world.run()
            assert kind.format(label) in str(failed.value)
            assert "map a constant to it" in str(failed.value)
            assert world.qtest.dump() == before

    go()


def test_a_field_that_somebody_deleted_is_made_again_and_the_key_comes_first(
    tmp_path: Path,
) -> None:
    made: list[tuple[str, str]] = []

    def keep(request: Request, _: Reply) -> None:
        if request.method == "POST" and request.path.endswith("/fields"):
            made.append((request.path.split("/")[-2], request.json()["label"]))

    @in_virtual_time
    async def go() -> None:
        async with journey(tmp_path) as world:
            world.qtest.server.recorder = keep
            await world.run()
            first = dict(reversed(made))
            assert set(first.values()) == {"Zephyr key"}
            made.clear()
            fields = world.qtest.by_hand("GET", "settings/test-cases/fields", None)
            (number,) = [each["id"] for each in fields if each["label"] == "Zephyr key"]
            world.qtest.by_hand("DELETE", f"settings/test-cases/fields/{number}", None)
            await world.run()
            assert made == [("test-cases", "Zephyr key")]

    go()
