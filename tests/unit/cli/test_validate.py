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
    assert said.code == 0
    assert said.out.startswith(PROVED)
    assert "2 records are missing or different in the target: writing them again\n" in said.err
    assert ztoq.keys == before
    assert ztoq("validate").out == PROVED


def test_repair_accepts_missing_fields_as_the_load_did(ztoq: Program) -> None:
    ztoq.config(sink="create_fields = false", more='[[transform]]\nuse = "suffix"')
    ztoq("migrate", "--accept-missing-fields")
    before = ztoq.keys
    delete(ztoq, "ACME-E2", "ACME-E2#2")
    refused = ztoq("validate", "--repair")
    assert refused.code == 2
    assert "go on with --accept-missing-fields" in refused.err
    ztoq("validate", "--repair", "--accept-missing-fields")
    assert ztoq.keys == before


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
    assert said.code == 0
    assert said.out.startswith(PROVED)
    assert "1 record is missing or different in the target: writing it again\n" in said.err
    assert held(ztoq, "ACME-T1").record.name == "Add to the basket"
    assert ztoq("validate").out == PROVED


def test_repair_of_an_untouched_target_writes_nothing(ztoq: Program) -> None:
    ztoq("migrate")
    ztoq.sink.calls.clear()
    said = ztoq("validate", "--repair")
    assert said.code == 0
    assert said.out.startswith(PROVED)
    assert not [call for call in ztoq.sink.calls if call.startswith("write")]


# ----------------------------------------------------------------------------------------- samples


def test_a_sample_says_how_sure_it_is_and_proves_nothing(ztoq: Program) -> None:
    ztoq("migrate")
    said = ztoq("validate", "--sample", "4", "--seed", "7")
    assert said.code == 0
    assert "Comparing 4 objects at most, seed 7\n" in said.err
    assert said.out == (
        "All 12 records were written; their contents were only compared in a sample\n"
        "  4 of 12 objects, drawn with the seed 7, hold what was sent; "
        "with 95 % confidence fewer than 6 of all (50.00 %) do not\n"
        "Next: ztoq validate\n"
    )


def test_a_sample_of_everything_finds_what_differs_but_is_no_proof_either(ztoq: Program) -> None:
    ztoq("migrate")
    assert "complete and proved" not in ztoq("validate", "--sample", "99").out
    change(ztoq, "ACME-T1", name="Destroyed")
    said = ztoq("validate", "--sample", "99")
    assert said.code == 1
    assert "test case ACME-T1: name is 'Destroyed'" in said.out
    assert "confidence" not in said.out


def test_a_seed_chooses_the_same_objects_and_another_one_others(ztoq: Program) -> None:
    ztoq("migrate")
    for each in [*ztoq.sink.objects.values()]:
        if hasattr(each.record, "name"):
            change(ztoq, each.record.key, name="Destroyed")

    def found(seed: int) -> list[str]:
        return ztoq("validate", "--sample", "3", "--seed", str(seed)).out.splitlines()[1:]

    assert found(1) == found(1)
    assert any(found(seed) != found(1) for seed in (2, 3, 4))


@pytest.mark.parametrize(
    "options", [("--sample", "3", "--counts"), ("--sample", "0"), ("--seed", "3")]
)
def test_a_sample_goes_with_no_other_level(ztoq: Program, options: tuple[str, ...]) -> None:
    ztoq("migrate")
    assert ztoq("validate", *options).code == 2
