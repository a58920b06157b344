"""Transformers that adjust records, on the whole way over real HTTP, before the default mapping."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.journeys.journey import Journey, journey, project
from ztoq_core.contracts import Secret
from ztoq_core.errors import Exit
from ztoq_core.records import Kind
from ztoq_core.store import State


async def migrated(sides: Journey, *transforms: dict[str, Any]) -> Any:
    """Return what stands in the target after a run that ends well."""
    if transforms:  # an empty list would say that no mapping is wanted
        sides.tables["transform"] = list(transforms)
    assert (await sides.run()).exit is Exit.OK
    return sides.qtest.dump()


def paths(stands: Any) -> dict[str, str]:
    """Return where each case stands, by its key."""
    modules = {each["id"]: each for each in stands["modules"]}

    def path(place: tuple[str, int] | None) -> str:
        here = modules.get(place[1]) if place else None
        return f"{path(here['parent'])}/{here['name']}" if here else ""

    return {each["properties"]["Zephyr key"]: path(each["parent"]) for each in stands["test_cases"]}


async def test_folders_that_move_take_their_cases_along(tmp_path: Path) -> None:
    async with journey(tmp_path) as sides:
        before = paths(await migrated(sides))
        assert set(before.values()) == {"/Shop", "/Shop/Basket"}
        (tmp_path / "anew").mkdir()
    async with journey(tmp_path / "anew") as sides:
        moved = {"use": "folders", "trees": ["cases"], "rename": {"Shop/Basket": "Cart"}}
        stands = await migrated(sides, moved)
    expected = {key: path.replace("/Shop/Basket", "/Cart") for key, path in before.items()}
    assert paths(stands) == expected
    assert [each["name"] for each in stands["test_cycles"]] == ["Nightly"]


async def test_runs_and_files_of_excluded_cases_go_with_them(tmp_path: Path) -> None:
    async with journey(tmp_path) as sides:
        stands = await migrated(sides, {"use": "folders", "exclude": ["Shop/Basket"]})
        with sides.store() as store:
            counts = store.reporting.counts()
    kept = paths(stands)
    assert set(kept.values()) == {"/Shop"}
    assert len(kept) == len(stands["test_runs"]) == len(stands["test_logs"]) == 3
    for kind in (Kind.TEST_CASE, Kind.TEST_RUN, Kind.TEST_LOG):
        assert counts[kind][State.SKIPPED] == 3


async def test_keys_in_texts_lead_to_what_was_migrated(tmp_path: Path) -> None:
    made = project()
    made.cases[0].objective = "<p>see ACME-T2, ACME-T99, ACME-R1 and ACME-T1</p>"
    made.executions[0].comment = "like <b>ACME-T2</b>"
    made.cycles[0].description = "covers ACME-T2"
    async with journey(tmp_path, read=made) as sides:
        stands = await migrated(sides, {"use": "text", "keys": True})
        again = await sides.run()
    assert again.exit is Exit.OK
    (case,) = (c for c in stands["test_cases"] if c["properties"]["Zephyr key"] == "ACME-T1")
    (suite,) = stands["test_suites"]
    (log,) = (each for each in stands["test_logs"] if "like <b>" in each["note"])
    links = re.findall(r'<a href="http://127.0.0.1[^"]+">([^<]+)</a>', case["description"])
    assert links == ["ACME-T2", "ACME-R1"]
    assert "ztoq:" not in json.dumps(stands, default=str)
    for text in (suite["properties"]["Description"], log["note"]):
        assert re.search(r'<a href="http://127.0.0.1[^"]+">ACME-T2</a>', text)


async def test_a_mask_lets_no_word_of_the_source_through(tmp_path: Path) -> None:
    made = project()
    for case in made.cases:
        case.name = f"Withdraw {case.key}"
        case.objective = "<p>Withdraw <b>money</b> at bank.example.net</p>"
        case.owner = "557058:wanda"
    people = {"use": "users", "table": {"557058:wanda": "wanda@bank.example.net"}}
    mask = {"use": "mask", "seed": Secret("of a test")}
    async with journey(tmp_path, read=made) as sides:
        stands = await migrated(sides, people, {"use": "text", "html": "clean", "keys": True}, mask)
    everything = json.dumps(stands, default=str)
    for word in ("Withdraw", "money", "bank", "wanda", "Basket", "Nightly", "shot"):
        assert word not in everything
    assert set(paths(stands)) == {f"ACME-T{number}" for number in range(1, 7)}
    assert len({path.count("/") for path in paths(stands).values()}) == 2


MAPPING = """format = 1
[[folder.field]]
from = "@name"
letters = "upper"
to = "@name"
[folder]
skip_when = { field = "@name", is = "Basket" }
[[attachment.field]]
template = "{@owner} {@name}"
to = "@name"
[attachment]
skip_when = { field = "@name", is = "log.txt" }
"""


async def test_a_mapping_file_names_folders_and_files_and_leaves_some_out(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(MAPPING, "utf-8")
    async with journey(tmp_path) as sides:
        stands = await migrated(sides, {"use": "fields", "mapping": str(tmp_path / "m.toml")})
        with sides.store() as store:
            counts = store.reporting.counts()
    # what lies in the folder goes with it, and the executions of those cases
    assert set(paths(stands).values()) == {"/SHOP"}
    assert len(stands["test_cases"]) == len(stands["test_logs"]) == 3
    assert counts[Kind.TEST_LOG][State.SKIPPED] == 3
    names = [each["name"] for case in stands["test_cases"] for each in case["attachments"]]
    assert names == ["ACME-T2 shot 2.png"]
    assert not any(each["attachments"] for each in stands["test_logs"])
