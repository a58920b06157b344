"""``ztoq validate --source``: exit codes, what it prints, and where the result is shown."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Program

SAFE = "Safe to end the licence of the source: all "
NEEDED = "The source is still needed: 1 record is not in the store"


def test_nothing_missing_is_said_and_kept(ztoq: Program) -> None:
    ztoq("migrate")
    said = ztoq("validate", "--source")
    assert (said.code, said.out.startswith(SAFE)) == (0, True)
    assert SAFE in ztoq("status").out
    assert ztoq("status", "--json").result["source_check"] is True
    ztoq("report")
    assert SAFE in (ztoq.folder / "report.html").read_text("utf-8")
    assert "Migration complete and proved" in ztoq("status").out


def test_what_is_missing_is_named_and_fails(ztoq: Program) -> None:
    ztoq.config(source='without = ["ACME-P1"]')
    ztoq("migrate")
    ztoq.config()

    said = ztoq("validate", "--source")

    assert said.code == 1
    assert said.out.splitlines()[:2] == [NEEDED, "  1 test plan not in the store: ACME-P1"]
    assert said.out.endswith("Next: ztoq extract\n")
    found = ztoq("validate", "--source", "--json").result
    assert (found["exit"], found["source_check"]["safe"]) == (1, False)
    assert NEEDED in ztoq("status").out
    assert "finished with things left" in ztoq("status").out


@pytest.mark.parametrize("option", ["--counts", "--files", "--repair", "--sample=3"])
def test_it_takes_no_option_for_the_target(ztoq: Program, option: str) -> None:
    assert ztoq("validate", "--source", option).code == 2
