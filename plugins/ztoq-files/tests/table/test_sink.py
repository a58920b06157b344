"""A table that is written over: kills, second runs, and what others did to it meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_files.table import TableSinkConfig, open_sink
from ztoq_files.table.layouts import LAYOUTS
from ztoq_files.table.rendered import RenderedTable
from ztoq_testkit import PROJECT, PowerCut, lent
from ztoq_testkit.target import deleting

from tests.file_projects import write_project
from ztoq_core.plugin import (
    ConfigError,
    ContentReading,
    FieldDefinition,
    FieldType,
    Folder,
    Kind,
    Record,
    Ref,
    RejectedError,
    RetryableError,
    TestCase,
    Tree,
    Written,
)

CASES: tuple[Record, ...] = tuple(
    each
    for each in PROJECT
    if isinstance(each, TestCase) or (isinstance(each, Folder) and each.tree is Tree.CASES)
)
FIRST = Ref(Kind.TEST_CASE, "ACME-T1")


@pytest.fixture(params=["cases.csv", "cases.xlsx"])
def table(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return tmp_path / "acme" / str(request.param)


def body(path: Path) -> bytes | None:
    """Return what is in a file, None if there is none."""
    return path.read_bytes() if path.exists() else None


def remove(path: Path) -> None:
    path.unlink()


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


async def write(path: Path, *records: Record) -> None:
    path.parent.mkdir(exist_ok=True)
    async with open_sink(TableSinkConfig(path=path), lent()) as sink:
        await write_project(sink, records, {})


async def killed(path: Path, *records: Record) -> None:
    """Write the records, and end without closing anything."""
    path.parent.mkdir(exist_ok=True)

    async def work() -> None:
        async with open_sink(TableSinkConfig(path=path), lent()) as sink:
            await write_project(sink, records, {})
            raise PowerCut

    with pytest.raises(PowerCut):
        await work()


async def test_equal_records_give_equal_bytes(table: Path, tmp_path: Path) -> None:
    await write(table, *CASES)
    other = tmp_path / "other" / table.name
    await write(other, *reversed(CASES))

    assert body(other) == body(table)


async def test_a_kill_leaves_no_table_and_the_next_run_writes_it(
    table: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole" / table.name
    await write(whole, *CASES)
    await killed(table, *CASES[:3])
    assert body(table) is None

    async with open_sink(TableSinkConfig(path=table), lent()) as sink:
        links: dict[Ref, Written | None] = {}
        for record in CASES:
            found = await sink.find(record, links)
            assert bool(found) is (record in CASES[:3])
            if not found:
                links[record.ref] = await sink.write(record, None, links, None)
            else:
                links[record.ref] = found[0].written
    assert body(table) == body(whole)


async def test_a_sink_with_nothing_to_write_ends_what_a_kill_left(
    table: Path, tmp_path: Path
) -> None:
    await write(tmp_path / "whole" / table.name, *CASES)
    await killed(table, *CASES)
    async with open_sink(TableSinkConfig(path=table), lent()):
        pass
    assert body(table) == body(tmp_path / "whole" / table.name)


async def test_an_update_replaces_the_rows(table: Path, tmp_path: Path) -> None:
    changed = [
        attrs.evolve(each, name="Again") if isinstance(each, TestCase) else each for each in CASES
    ]
    await write(tmp_path / "whole" / table.name, *changed)
    await write(table, *CASES)
    await write(table, *changed)

    assert body(table) == body(tmp_path / "whole" / table.name)


async def test_looking_writes_nothing(table: Path) -> None:
    async with open_sink(TableSinkConfig(path=table), lent()) as sink:
        await sink.check()
        await sink.describe()
        await sink.marks(Kind.TEST_CASE, (), None)
    assert not table.parent.exists()


async def test_a_table_of_others_is_not_written_over(table: Path) -> None:
    put(table, b"mine")
    async with open_sink(TableSinkConfig(path=table), lent()) as sink:
        with pytest.raises(ConfigError, match="was not written by ztoq, or changed since"):
            await sink.check()
        with pytest.raises(RetryableError, match="was not written by ztoq, or changed since"):
            await sink.write(CASES[0], None, {}, None)
    assert body(table) == b"mine"


async def test_a_table_that_others_changed_is_not_written_over(table: Path) -> None:
    await write(table, *CASES)
    put(table, (body(table) or b"") + b"\r\n")
    async with open_sink(TableSinkConfig(path=table), lent()) as sink:
        with pytest.raises(ConfigError, match="was not written by ztoq, or changed since"):
            await sink.check()


async def test_what_was_in_a_table_that_is_removed_is_gone(table: Path, tmp_path: Path) -> None:
    await write(table, *CASES)
    await write(tmp_path / "whole" / table.name, *CASES[:3])
    remove(table)
    async with open_sink(TableSinkConfig(path=table), lent()) as sink:
        assert await sink.find(CASES[-1], {}) == ()
        assert (await sink.marks(Kind.TEST_CASE, (), None)).marks == ()
    assert body(table) is None
    await write(table, *CASES[:3])
    assert body(table) == body(tmp_path / "whole" / table.name)


async def test_what_is_read_is_what_the_file_holds(table: Path) -> None:
    """Not what was sent: here somebody puts another table in its place while ztoq runs."""
    other = table.with_name(f"other{table.suffix}")
    cases = [each for each in CASES if isinstance(each, TestCase)]
    changed = attrs.evolve(cases[0], name="Again")
    await write(other, *CASES[:2], changed)
    async with open_sink(TableSinkConfig(path=table), lent()) as sink:
        await write_project(sink, CASES, {})
    rendered = RenderedTable(table, LAYOUTS["zephyr"], "Test cases")
    rendered.open()
    assert rendered.held(cases[0]) == cases[0]
    rendered.render()
    put(table, body(other) or b"")
    held = rendered.held(cases[0])
    assert held is not None
    assert (held.name, held.folder) == ("Again", cases[0].folder)
    assert rendered.held(cases[1]) is None
    rendered.writer.leave()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": Path("cases.txt")}, "ends with neither .csv nor .xlsx"),
        ({"columns": "zefyr"}, r"there are no columns of 'zefyr' \(did you mean 'zephyr'\?\)"),
        ({"sheet": "a/b"}, "'a/b' is not the name of a sheet"),
        ({"sheet": "a" * 32}, "is not the name of a sheet"),
    ],
)
async def test_a_setting_that_cannot_be_used_is_named(wrong: dict[str, Any], message: str) -> None:
    config = attrs.evolve(TableSinkConfig(path=Path("cases.csv")), **wrong)
    with pytest.raises(ConfigError, match=message):
        async with open_sink(config, lent()):
            pass


async def test_more_rows_than_a_sheet_holds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ztoq_files.table.sheets.MOST_ROWS", 2)
    with pytest.raises(RetryableError, match="a sheet holds 2 rows, and there are more"):
        await write(tmp_path / "acme" / "cases.xlsx", *CASES)
    assert not (tmp_path / "acme" / "cases.xlsx").exists()


async def test_a_record_that_is_not_there_cannot_be_deleted(table: Path) -> None:
    async with open_sink(TableSinkConfig(path=table), lent()) as sink:
        with pytest.raises(RejectedError):
            await deleting(sink).delete(Kind.TEST_CASE, "ACME-T1")


async def test_a_table_that_cannot_be_written_stops_the_run(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("ztoq_files.table.rendered.write_sheet", full)
        with pytest.raises(RetryableError, match="No space left on device"):
            await write(table, *CASES)
    assert body(table) is None
    await write(table)
    assert body(table) is not None


async def test_what_is_said_of_another_record_becomes_words(table: Path) -> None:
    first, second = (each for each in CASES if isinstance(each, TestCase))
    text = f'<a href="{second.ref.address}">there</a>'
    said = attrs.evolve(first, folder=None, description=text, text_refs=(second.ref,))
    table.parent.mkdir()
    async with open_sink(TableSinkConfig(path=table), lent()) as sink:
        await sink.write(said, None, {}, None)
        assert isinstance(sink, ContentReading)
        held = await sink.read(said.kind, said.key)
    assert isinstance(held, TestCase)
    assert held.description == "there"


async def test_a_field_that_is_defined_has_a_column_without_any_value(tmp_path: Path) -> None:
    field = FieldDefinition(
        key="test_case/Browser", of=Kind.TEST_CASE, name="Browser", type=FieldType.TEXT
    )
    await write(tmp_path / "cases.csv", *CASES, field)
    assert b",Browser," in (body(tmp_path / "cases.csv") or b"").splitlines()[0]
