"""Verbs one after the other, with their exit codes: no sequence ends green that is not complete."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.unit.cli.conftest import Program
from tests.unit.cli.memory_shop import SINKS
from ztoq_core.records import Ref

pytestmark = pytest.mark.unmeasured  # a second time through what others cover

INCOMPLETE = "The extraction is incomplete: the source has not been read to its end"
NOTHING = "Nothing has been extracted yet"
VERBS = ("transform", "load", "validate")


def judged(ztoq: Program) -> str:
    """Return the headline that status, HTML and JSON agree on, and see that none is green."""
    said = ztoq("--json", "status").result
    assert said["would_exit"] == 1
    assert ztoq("report").code == 0
    report = json.loads((ztoq.folder / "report.json").read_text())["verdict"]
    assert (report["exit"], report["tone"] == "good") == (1, False)
    page = (ztoq.folder / "report.html").read_text()
    assert f"<h1>{report['headline']}</h1>" in page
    assert said["verdict"] == report["headline"]
    assert said["next"] == report["next"]
    return str(report["headline"])


def held(ztoq: Program) -> list[str]:
    """Return the keys in the target, which no verb may have opened yet."""
    sink = SINKS.get(str(ztoq.folder))
    return sink.keys() if sink else []


def delete(ztoq: Program, key: str) -> set[str]:
    """Delete an object in the target with all that is in it, as a person does; return the keys."""
    objects = ztoq.sink.objects
    gone: set[Ref] = {each.record.ref for each in objects.values() if each.record.key == key}
    while True:
        more = {
            each.record.ref
            for each in objects.values()
            if gone & set(each.record.parents()) and each.record.ref not in gone
        }
        if not more:
            break
        gone |= more
    for number, each in list(objects.items()):
        if each.record.ref in gone:
            del objects[number]
    assert gone
    return {ref.key for ref in gone}


@pytest.mark.parametrize(("how", "code"), [("silent", 3), ("interrupt", 130)])
def test_nothing_is_green_after_an_extraction_that_did_not_end(
    ztoq: Program, how: str, code: int
) -> None:
    ztoq.config(source=f'at_cycles = "{how}"')
    assert ztoq("extract").code == code
    ztoq.config()
    for verb in VERBS:
        said = ztoq(verb)
        assert said.code == 1, (verb, said)
        assert said.out.startswith(INCOMPLETE), verb
        assert "Next: ztoq extract" in said.out
        assert not held(ztoq)
    assert "Nothing was written; `ztoq load --partial`" in ztoq("load").out
    assert judged(ztoq) == INCOMPLETE

    said = ztoq("load", "--partial")
    assert said.code == 1
    assert said.out.startswith(INCOMPLETE)
    assert "ACME-T1" in ztoq.keys
    assert ztoq("validate").code == 1
    assert judged(ztoq) == INCOMPLETE

    assert ztoq("migrate").code == 0
    assert "ACME-E2" in ztoq.keys


def test_a_record_that_was_not_read_completely_is_no_complete_extraction(ztoq: Program) -> None:
    ztoq("migrate")
    with closing(sqlite3.connect(ztoq.folder / "ztoq.db")) as database, database:
        database.execute("UPDATE item SET pending = 1 WHERE key = 'ACME-T2'")
    assert ztoq("load").code == 1
    assert "1 listed record has not been read completely" in ztoq("status").out
    assert judged(ztoq) == INCOMPLETE


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_on_an_empty_store_names_the_first_step(ztoq: Program, verb: str) -> None:
    ztoq.config(source='at_check = "silent"')
    ztoq("extract")
    ztoq.config()
    said = ztoq(verb)
    assert said.code == 1
    assert said.out.startswith(f"{NOTHING}\nNext: ztoq extract\n")
    assert judged(ztoq) == NOTHING


def test_a_load_before_the_mapping_writes_nothing(ztoq: Program) -> None:
    ztoq("extract")
    said = ztoq("load")
    assert said.code == 1
    assert said.out.startswith("The project is extracted, but not mapped yet")
    assert "Next: ztoq transform" in said.out
    assert not held(ztoq)


def test_what_was_read_again_is_not_complete_until_it_is_mapped_and_validated(
    ztoq: Program,
) -> None:
    ztoq("migrate")
    assert ztoq("extract").code == 0
    assert judged(ztoq).startswith("The source was read again")
    assert ztoq("load").code == 1
    assert ztoq("transform").code == 0
    assert judged(ztoq).endswith("the target has changed since the last validation")
    assert ztoq("validate").code == 0
    assert ztoq("--json", "status").result["would_exit"] == 0


def test_nothing_is_green_after_a_rollback_until_it_is_loaded_again(ztoq: Program) -> None:
    ztoq("migrate")
    before = ztoq.keys
    assert ztoq("rollback", "--yes").code == 0
    assert not ztoq.keys
    said = ztoq("validate")
    assert said.code == 1
    assert said.out.startswith("Nothing of the migration is left in the target: 12 records were")
    assert "3 folders no longer in the target: removed by rollback" in said.out
    assert "Next: ztoq load" in said.out
    assert judged(ztoq).startswith("Nothing of the migration is left")

    assert ztoq("load").code == 0
    assert judged(ztoq).startswith("All 12 records were written; the target has changed since")
    assert ztoq("validate").code == 0
    assert ztoq.keys == before


EVERYTHING = (
    "ACME-F1",
    "ACME-R1/ACME-T1/",
    "ACME-T1#1",
    *(
        pytest.param(key, marks=pytest.mark.acceptance)
        for key in ("ACME-T1", "ACME-R1", "ACME-E2", "ACME-P1")
    ),
)


@pytest.mark.parametrize("key", EVERYTHING)
def test_what_was_deleted_in_the_target_is_found_and_brought_back(ztoq: Program, key: str) -> None:
    ztoq("migrate")
    before = ztoq.keys
    gone = delete(ztoq, key)
    said = ztoq("validate")
    assert said.code == 1
    assert "no longer in the target" in said.out.splitlines()[0]
    assert "it was deleted in the target, and not by ztoq" in said.out
    assert "no longer in the target" in judged(ztoq)
    with closing(sqlite3.connect(ztoq.folder / "ztoq.db")) as database:
        rows = database.execute("SELECT key FROM item WHERE state = 'deleted'").fetchall()
    assert {each for (each,) in rows} == gone

    assert ztoq("load").code == 0
    assert ztoq.keys == before
    assert ztoq("validate").code == 0


@pytest.mark.parametrize("key", EVERYTHING)
def test_migrate_brings_back_what_was_deleted_and_then_has_nothing_to_do(
    ztoq: Program, key: str
) -> None:
    ztoq("migrate")
    before = ztoq.keys
    delete(ztoq, key)
    said = ztoq("migrate")
    assert said.code == 0, said
    assert "missing in the target: writing" in said.err
    assert ztoq.keys == before
    ztoq.sink.calls.clear()
    assert ztoq("migrate").code == 0
    assert not [call for call in ztoq.sink.calls if call.startswith("write")]


def test_retry_makes_ready_what_is_missing(ztoq: Program) -> None:
    ztoq("migrate")
    delete(ztoq, "ACME-E2")
    ztoq("validate")
    assert ztoq("retry").out == "Ready again: 1 test log, 1 attachment. Next: ztoq load\n"
    assert judged(ztoq) == "2 records have not been written completely yet"
    assert ztoq("load").code == 0
    assert ztoq("validate").code == 0


def test_an_execution_older_than_the_newest_is_only_brought_back_where_asked(ztoq: Program) -> None:
    ztoq("migrate")
    before = ztoq.keys
    delete(ztoq, "ACME-E1")
    said = ztoq("migrate")
    assert said.code == 1
    assert "test log ACME-E1 in conflict: an older execution" in said.out
    assert ztoq("migrate", "--on-conflict", "overwrite").code == 0
    assert ztoq.keys == before


def test_a_validation_counts_only_while_nothing_was_written_after_it(ztoq: Program) -> None:
    ztoq("migrate")
    assert ztoq("load").code == 0  # nothing to do: what was validated is as it was
    assert ztoq("--json", "status").result["would_exit"] == 0
    delete(ztoq, "ACME-P1")
    assert ztoq("validate").code == 1
    ztoq("load")
    assert judged(ztoq).endswith("the target has changed since the last validation")
