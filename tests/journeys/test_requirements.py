"""Issues that cases cover become requirements, never two for one issue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options, Simulator

from tests.journeys.between import Between, between
from tests.tables import sampled
from ztoq_core.errors import Exit
from ztoq_core.records import Folder, Kind, Link, LinkType, Record, Ref, TestCase, Tree
from ztoq_core.store import State

FOLDER = Folder(key="ACME-F1", name="Shop", tree=Tree.CASES)
PAY = Ref(Kind.REQUIREMENT, "ACME-7")


def covering(*keys: str, name: str = "Pay by card", key: str = "ACME-T1") -> list[Record]:
    links = tuple(
        Link(
            type=LinkType.COVERAGE,
            issue_id=each.rpartition("-")[2],
            issue_key=each,
            url=f"https://jira.example.com/browse/{each}",
            text=f"Story {each}",
        )
        for each in keys
    )
    return [FOLDER, TestCase(key=key, name=name, folder=FOLDER.ref, links=links)]


def by_hand(qtest: Simulator, name: str, mirrors: str = "") -> int:
    made = qtest.by_hand("POST", "requirements", {"name": name, "properties": []})
    thing: Any = qtest.state.objects["requirements"][made["id"]]
    thing.external_key = mirrors
    return int(made["id"])


def requirements(sides: Between) -> list[str]:
    return [each["name"] for each in sides.qtest.dump()["requirements"]]


def linked(sides: Between, case: str = "Pay by card") -> list[str]:
    state = sides.qtest.state
    number = next(c.id for c in state.objects["test-cases"].values() if c.name == case)
    places = state.links.get(("test-cases", number), {})
    return sorted(state.objects["requirements"][n].name for kind, n in places if "req" in kind)


async def test_an_issue_becomes_a_requirement_once(tmp_path: Path) -> None:
    async with between(tmp_path) as sides:
        assert (await sides.migrate(covering("ACME-7"))).exit is Exit.OK
        await sides.migrate(covering("ACME-7"))
        assert requirements(sides) == linked(sides) == ["ACME-7 Story ACME-7"]
        assert "Covers" not in sides.case("Pay by card")["description"]


@pytest.mark.parametrize(
    "name",
    sampled(
        ["ACME-7", "ACME-7 Pay", "ACME-7: Pay", "[ACME-7] Pay", "Pay (ACME-7)", "Pay [ACME-7] "], 2
    ),
)
async def test_a_requirement_of_that_name_is_linked_and_left_alone(
    tmp_path: Path, name: str
) -> None:
    async with between(tmp_path, prepare=lambda qtest: by_hand(qtest, name)) as sides:
        await sides.migrate(covering("ACME-7"))
        assert requirements(sides) == linked(sides) == [name]


@pytest.mark.parametrize(
    "name", sampled(["ACME-70", "ACME-7-b", "XACME-7", "Pay ACME-7 now", "acme-7"], 2)
)
async def test_a_name_that_only_looks_alike_is_another(tmp_path: Path, name: str) -> None:
    async with between(tmp_path, prepare=lambda qtest: by_hand(qtest, name)) as sides:
        await sides.migrate(covering("ACME-7"))
        assert linked(sides) == ["ACME-7 Story ACME-7"]


async def test_what_mirrors_the_issue_counts_more_than_a_name(tmp_path: Path) -> None:
    def prepare(qtest: Simulator) -> None:
        by_hand(qtest, "ACME-7 by hand")
        by_hand(qtest, "Mirrored", mirrors="ACME-7")

    async with between(tmp_path, prepare=prepare) as sides:
        await sides.migrate(covering("ACME-7"))
        assert linked(sides) == ["Mirrored"]


async def test_a_mirrored_one_that_jira_changes_is_no_conflict(tmp_path: Path) -> None:
    async with between(tmp_path) as sides:
        number = by_hand(sides.qtest, "ACME-7 Pay", mirrors="ACME-7")
        await sides.migrate(covering("ACME-7"))
        sides.qtest.by_hand("PUT", f"requirements/{number}", {"name": "Renamed in Jira"})
        records = covering("ACME-7")
        changed = attrs.evolve(records[1].links[0], text="Renamed in Jira")

        ended = await sides.migrate([FOLDER, attrs.evolve(records[1], links=(changed,))])

        assert ended.exit is Exit.OK
        assert requirements(sides) == ["Renamed in Jira"]


@pytest.mark.parametrize(
    ("options", "settings", "made"),
    [
        (Options(mirrors_jira=True), {}, False),
        (Options(mirrors_jira=True), {"requirements": "create"}, True),
        (Options(mirrors_jira=False), {}, True),
        (Options(), {"requirements": "link-only"}, False),
        (Options(mirrors_jira=True, administrator=False), {"create_fields": False}, True),
    ],
)
async def test_where_jira_is_mirrored_nothing_is_made(
    tmp_path: Path, options: Options, settings: dict[str, Any], *, made: bool
) -> None:
    async with between(tmp_path, options, **settings) as sides:
        await sides.migrate(covering("ACME-7"), accept_missing_fields=True)
        assert bool(requirements(sides)) is made


async def test_what_jira_has_not_sent_yet_is_listed_and_linked_later(tmp_path: Path) -> None:
    async with between(tmp_path) as sides:
        by_hand(sides.qtest, "ACME-8 Refund", mirrors="ACME-8")

        ended = await sides.migrate(covering("ACME-7", "ACME-8"))

        assert ended.exit is Exit.OK
        assert ended.warnings == (
            "1 moved: 1 requirement-not-retrieved",
            "1 requirement not compared (in the target before ztoq, and only linked): ACME-8",
        )
        assert sides.notes(PAY) == ["requirement-not-retrieved"]
        assert sides.states(Kind.REQUIREMENT) == {State.FINISHED: 1, State.SKIPPED: 1}
        assert linked(sides) == ["ACME-8 Refund"]
        shown = '<a href="https://jira.example.com/browse/ACME-7">ACME-7 Story ACME-7</a>'
        description = sides.case("Pay by card")["description"]
        assert f"<th>Covers</th><td>{shown}</td>" in description

        by_hand(sides.qtest, "ACME-7 Pay", mirrors="ACME-7")
        again = await sides.migrate(covering("ACME-7", "ACME-8"))

        assert again.exit is Exit.OK
        (said,) = again.warnings
        assert said.startswith("2 requirements not compared (in the target before ztoq")
        assert said.endswith(": ACME-7, ACME-8")
        assert sides.notes(PAY) == []
        assert linked(sides) == ["ACME-7 Pay", "ACME-8 Refund"]
        assert sides.states(Kind.REQUIREMENT) == {State.FINISHED: 2}
        assert sides.states(Kind.TEST_CASE) == {State.FINISHED: 1}


async def test_a_requirement_that_is_only_linked_is_not_called_compared(tmp_path: Path) -> None:
    async with between(tmp_path, prepare=lambda qtest: by_hand(qtest, "ACME-7")) as sides:
        ended = await sides.migrate(covering("ACME-7"))
    assert ended.headline.endswith("exist in the target, 5 of them as they were sent")
    assert ended.warnings[-1] == (
        "1 requirement not compared (in the target before ztoq, and only linked): ACME-7"
    )
