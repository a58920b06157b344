"""``ztoq validate``: what each level finds and says, its exit codes, and what ``--repair`` does."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.unit.cli.conftest import Program

PROVED = "Migration complete and proved: all 12 records exist in the target as they were sent\n"
COUNTED = "All 12 records were written; their contents were only counted\nNext: ztoq validate\n"
OVERWRITE = ("--on-conflict", "overwrite")


def held(ztoq: Program, key: str) -> Any:
    (found,) = (each for each in ztoq.sink.objects.values() if each.record.key == key)
    return found


def change(ztoq: Program, key: str, **values: Any) -> None:
    one = held(ztoq, key)
    one.record = attrs.evolve(one.record, **values)


def delete(ztoq: Program, *keys: str) -> None:
    for number, each in [*ztoq.sink.objects.items()]:
        if each.record.key in keys:
            del ztoq.sink.objects[number]


@pytest.mark.parametrize("options", [(), ("--files",)])
def test_an_untouched_target_is_proved(ztoq: Program, options: tuple[str, ...]) -> None:
    ztoq("migrate")
    said = ztoq("validate", *options)
    assert (said.code, said.out) == (0, PROVED)


def test_counts_succeed_and_prove_nothing(ztoq: Program) -> None:
    ztoq("migrate")
    change(ztoq, "ACME-T1", name="Destroyed")
    said = ztoq("validate", "--counts")
    assert (said.code, said.out) == (0, COUNTED)
    assert ztoq("validate").code == 1


def test_counts_find_what_is_missing(ztoq: Program) -> None:
    ztoq("migrate")
    delete(ztoq, "ACME-E1")
    said = ztoq("validate", "--counts")
    assert said.code == 1
    assert said.out.startswith("1 migrated record is no longer in the target\n  test log ACME-E1")
    assert said.out.endswith("Next: ztoq load\n")


def test_what_differs_is_named_with_both_sides_and_the_repair(ztoq: Program) -> None:
    ztoq("migrate")
    change(ztoq, "ACME-T1", name="Destroyed")
    finding = "test case ACME-T1: name is 'Destroyed', sent 'Add to the basket'"
    said = ztoq("validate")
    assert said.code == 1
    assert said.out.startswith("All 12 records were written, but 1 thing in the target is not as")
    assert f"  {finding}\n" in said.out
    assert f"warning: {finding}\n" in said.err
    assert said.out.endswith("Next: ztoq validate --repair\n")


def test_files_finds_another_content_of_the_same_size(ztoq: Program) -> None:
    ztoq("migrate")
    file = held(ztoq, "ACME-T1#1")
    file.content = bytes(len(file.content))
    said = ztoq("validate", "--files")
    assert said.code == 1
    assert "attachment ACME-T1#1: content is " in said.out


def test_repair_makes_again_what_was_deleted(ztoq: Program) -> None:
    ztoq("migrate")
    before = ztoq.keys
    delete(ztoq, "ACME-E2", "ACME-E2#2")
    assert ztoq.keys != before
    said = ztoq("validate", "--repair")
    assert (said.code, said.out) == (0, PROVED)
    assert "2 records are missing or different in the target: writing them again\n" in said.err
    assert ztoq.keys == before
    assert ztoq("validate").out == PROVED


def test_repair_leaves_what_was_edited_as_a_conflict_to_be_resolved(ztoq: Program) -> None:
    ztoq("migrate")
    change(ztoq, "ACME-T1", name="Mine now")
    said = ztoq("validate", "--repair")
    assert said.code == 1
    assert said.out.startswith("The migration is incomplete: 1 conflict\n  test case ACME-T1")
    assert said.out.endswith("Next: ztoq resolve\n")
    assert held(ztoq, "ACME-T1").record.name == "Mine now"


def test_repair_overwrites_what_was_edited_if_told_so(ztoq: Program) -> None:
    ztoq("migrate")
    change(ztoq, "ACME-T1", name="Destroyed")
    said = ztoq("validate", "--repair", *OVERWRITE)
    assert (said.code, said.out) == (0, PROVED)
    assert "1 record is missing or different in the target: writing it again\n" in said.err
    assert held(ztoq, "ACME-T1").record.name == "Add to the basket"
    assert ztoq("validate").out == PROVED


def test_repair_of_an_untouched_target_writes_nothing(ztoq: Program) -> None:
    ztoq("migrate")
    ztoq.sink.calls.clear()
    said = ztoq("validate", "--repair")
    assert (said.code, said.out) == (0, PROVED)
    assert not [call for call in ztoq.sink.calls if call.startswith("write")]
