"""Tables as Zephyr exports and qTest imports them; malformed and hostile ones are refused."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from ztoq_files.table import TableConfig, TableSinkConfig, open_sink, open_source
from ztoq_testkit import PROJECT, lent

from tests.file_projects import read_project, write_project
from ztoq_core.plugin import (
    ConfigError,
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Record,
    Ref,
    RejectedError,
    Script,
    TestCase,
    TestStep,
    Tree,
)
from ztoq_core.records import Attachment

STEP = "Test Script (Step-by-Step) - Step"
DATA = "Test Script (Step-by-Step) - Test Data"
RESULT = "Test Script (Step-by-Step) - Expected Result"

EXPORT = f"""\
Key,Name,Status,Precondition,Objective,Folder,Priority,Component,Labels,Owner,Estimated Time,\
Coverage (Issues),Coverage (Pages),Browser,{STEP},{DATA},{RESULT},\
Test Script (Plain Text),Test Script (BDD)
ACME-T1,Log in,Approved,<p>A user</p>,"One<br />two",/Shop/Basket,High,Web,"smoke, night",quinn,\
01:30,"ACME-1, ACME-2",https://acme.example.com/wiki,Firefox,Open,{{user}},It opens,,
,,,,,,,,,,,,,,Close,,,,
ACME-T2,Log out,Draft,,,/Shop,,,,,,,,,,,,"Just<br />do it",
ACME-T3,Pay,Draft,,,,,,,,,,,,,,,,Given a basket
"""
CASES = (
    TestCase(
        key="ACME-T1",
        name="Log in",
        status="Approved",
        precondition="<p>A user</p>",
        description="One<br />two",
        folder=Ref(Kind.FOLDER, "/Shop/Basket"),
        priority="High",
        component="Web",
        labels=("smoke", "night"),
        owner="quinn",
        estimated=5400.0,
        links=(
            Link(type=LinkType.COVERAGE, issue_key="ACME-1"),
            Link(type=LinkType.COVERAGE, issue_key="ACME-2"),
            Link(type=LinkType.WEB, url="https://acme.example.com/wiki"),
        ),
        fields=(FieldValue(name="Browser", value="Firefox"),),
        steps=(
            TestStep(key="1", description="Open", data="{user}", expected="It opens"),
            TestStep(key="2", description="Close"),
        ),
    ),
    TestCase(
        key="ACME-T2",
        name="Log out",
        status="Draft",
        folder=Ref(Kind.FOLDER, "/Shop"),
        script=Script(language="plain", text="Just<br />do it"),
    ),
    TestCase(
        key="ACME-T3",
        name="Pay",
        status="Draft",
        script=Script(language="bdd", text="Given a basket"),
    ),
)
FOLDERS = (
    Folder(key="/Shop", name="Shop", tree=Tree.CASES),
    Folder(key="/Shop/Basket", name="Basket", tree=Tree.CASES, parent=Ref(Kind.FOLDER, "/Shop")),
)


async def read(path: Path) -> list[Record]:
    async with open_source(TableConfig(path=path), lent()) as source:
        return list((await read_project(source)).values())


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def workbook(path: Path, rows: list[list[object]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        book.add_worksheet("Notes").write(0, 0, "not a table")
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text + ",,,,,,,,,,,,,,,,,,\n\n",
        lambda text: text.replace("Key,Name", "KEY,name"),
        # some exports repeat the key, and some everything, in each row
        lambda text: text.replace("\n,,", "\nACME-T1,,"),
        lambda text: text.replace("\n,,", "\nACME-T1,Log in,"),
    ],
)
async def test_an_export_of_zephyr_is_read(tmp_path: Path, change: Callable[[str], str]) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(change(EXPORT), "utf-8", newline="")

    assert await read(path) == [*FOLDERS, *CASES]


async def test_an_export_may_be_separated_by_semicolons(tmp_path: Path) -> None:
    with (tmp_path / "cases.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows_of(EXPORT))

    assert await read(tmp_path / "cases.csv") == [*FOLDERS, *CASES]


async def test_an_export_as_a_workbook_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "cases.xlsx", [list(row) for row in rows_of(EXPORT)])

    assert await read(path) == [*FOLDERS, *CASES]


async def test_values_of_a_workbook_become_the_text_that_shows_them(tmp_path: Path) -> None:
    header = ["Key", "Name", "Estimated Time", "Number", "Part", "Box"]
    path = tmp_path / "cases.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, header)
        clock = book.add_format({"num_format": "[h]:mm:ss"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(1, 0, ["ACME-T1", "Log in"])
        sheet.write_number(1, 2, 1.0625, clock)
        sheet.write_row(1, 3, [5, 1.5, True])
        sheet.write(0, 6, "Day")
        sheet.write_number(1, 6, 45_717, day)

    (case,) = await read(path)
    assert isinstance(case, TestCase)
    assert case.estimated == 25.5 * 3600
    values = {each.name: each.value for each in case.fields}
    assert values == {"Number": "5", "Part": "1.5", "Box": "true", "Day": "2025-03-01"}


async def test_an_import_file_of_qtest_is_read(tmp_path: Path) -> None:
    """The sample's columns; a case without a key is known by its name."""
    header = ["Test Case Name", "Description", "Precondition", "Step #", "Step Description"]
    header += ["Step Expected Result", "Test Case Type", "Status", "Priority", "Assigned To"]
    first = ["Log in", "a < b\nc", "", 1, "Open", "It opens", "Manual", "New", "High", "quinn"]
    path = workbook(
        tmp_path / "cases.xlsx", [list(header), list(first), ["", "", "", 2, "Close", ""]]
    )

    assert await read(path) == [
        TestCase(
            key="Log in",
            name="Log in",
            description="a &lt; b<br>c",
            status="New",
            priority="High",
            owner="quinn",
            fields=(FieldValue(name="Test Case Type", value="Manual"),),
            steps=(
                TestStep(key="1", description="Open", expected="It opens"),
                TestStep(key="2", description="Close"),
            ),
        )
    ]


@pytest.mark.parametrize("file", ["cases.csv", "cases.xlsx"])
async def test_a_table_that_is_written_is_the_export(tmp_path: Path, file: str) -> None:
    async with open_sink(TableSinkConfig(path=tmp_path / file), lent()) as sink:
        await write_project(sink, [*FOLDERS, *CASES], {})

    assert await read(tmp_path / file) == [*FOLDERS, *CASES]
    if file.endswith(".csv"):
        text = (tmp_path / file).read_text("utf-8-sig")
        assert [[cell.removeprefix("'") for cell in row] for row in rows_of(text)] == rows_of(
            EXPORT
        )


async def test_the_columns_of_qtest_are_written(tmp_path: Path) -> None:
    config = TableSinkConfig(path=tmp_path / "cases.csv", columns="qtest")
    async with open_sink(config, lent()) as sink:
        await write_project(sink, [*FOLDERS, CASES[0]], {})

    header, first, second = rows_of((tmp_path / "cases.csv").read_text("utf-8-sig"))
    assert dict(zip(header, first, strict=True)) == {
        "Test Case Name": "Log in",
        "Description": "One\ntwo",
        "Precondition": "A user",
        "Step #": "1",
        "Step Description": "Open\nTest data: {user}",
        "Step Expected Result": "It opens",
        "Status": "Approved",
        "Priority": "High",
        "Assigned To": "quinn",
        "Key": "ACME-T1",
        "Folder": "/Shop/Basket",
        "Component": "Web",
        "Labels": "smoke, night",
        "Browser": "Firefox",
    }
    assert [cell for cell in second if cell] == ["2", "Close"]


# ------------------------------------------------------------------------------------- malformed

HEADER = f"Key,Name,Estimated Time,{STEP}\n"
MALFORMED = {
    "empty": ("", "{path}: it is empty; the first row names the columns"),
    "another table": (
        "id,title\n1,x\n",
        (
            "{path}: the first row is not the header of a table of test cases: it has the columns"
            " 'Key' and 'Name' as Zephyr exports them or 'Test Case Name' as qTest imports it"
        ),
    ),
    "twice a column": (
        "Key,Name,name\n",
        "{path}: line 1, column 'name': the column 'name' is there twice",
    ),
    "no title": ("Key,,Name\n", "{path}: line 1, column '': the column has no title"),
    "a step first": (
        HEADER + ",,,Open\n",
        "{path}: line 2, column 'Key': a step without a test case before it",
    ),
    "no key": (HEADER + "A,x,,\n,Log in,,\n", "{path}: line 3, column 'Key': is empty"),
    "no name": (HEADER + "A,,,\n", "{path}: line 2, column 'Name': is empty"),
    "twice a key": (
        HEADER + "A,x,,\nB,y,,\nA,z,,\n",
        "{path}: line 4, column 'Key': 'A' is in row 2 already",
    ),
    "repeated otherwise": (
        HEADER + "A,x,,One\nA,y,,Two\n",
        "{path}: line 3, column 'Name': is 'y', and 'x' in the first row of A",
    ),
    "no time": (
        HEADER + '"A","x\ny",,\nB,y,soon,\n',
        "{path}: line 4, column 'Estimated Time': is 'soon', expected hours and minutes like 01:30",
    ),
    "too many values": (
        HEADER + "A,x,,,,\n",
        (
            "{path}: line 2: 6 values for 4 columns; a value with a ',', a quote or a line break in"
            " it goes in quotes"
        ),
    ),
    "an open quote": (HEADER + 'A,"x\n', "{path}: line 2: unexpected end of data"),
    "not text": (HEADER.encode() + b"A,\xff\n", "{path}: after line 0: it is not UTF-8 text"),
}


@pytest.mark.parametrize(("body", "message"), MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_table_is_refused_as_a_whole(
    tmp_path: Path, body: str | bytes, message: str
) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    async with open_source(TableConfig(path=path), lent()) as source:
        for look in (source.check, lambda: source.fetch(Kind.FOLDER, None)):
            with pytest.raises(ConfigError) as caught:
                await look()
            assert str(caught.value) == message.replace("{path}", str(path))


CELLS = {
    "no time": (
        [["Key", "Name", "Estimated Time"], ["A", "x", ""], ["B", "y", "soon"]],
        "cell C3: is 'soon', expected hours and minutes like 01:30",
    ),
    "no title": ([["Key", "Name"], ["A", "x", "lost"]], "cell C2: the column has no title"),
    "far out": (
        [["Key", "Name", *(f"F{n}" for n in range(30))], ["", "x"]],
        "cell A2: is empty",
    ),
    "a step first": (
        [["Test Case Name", "Step #"], ["", "1"]],
        "cell A2: a step without a test case before it",
    ),
    "twice a name": (
        [["Test Case Name"], ["x"], ["x"]],
        "cell A3: 'x' is in row 2 already; add a column 'Key' to tell them apart",
    ),
}


@pytest.mark.parametrize(("rows", "message"), CELLS.values(), ids=CELLS)
async def test_a_malformed_workbook_is_refused_with_its_cell(
    tmp_path: Path, rows: list[list[object]], message: str
) -> None:
    path = workbook(tmp_path / "cases.xlsx", rows)
    with pytest.raises(ConfigError) as caught:
        await read(path)
    assert str(caught.value) == f"{path}: {message}"


async def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    for name, message in (
        ("cases.xls", "ends with .csv or .xlsx"),
        ("no.csv", "is no|there is no"),
    ):
        with pytest.raises(ConfigError, match=message):
            await read(tmp_path / name)


async def test_a_table_has_no_files(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text(EXPORT)
    async with open_source(TableConfig(path=tmp_path / "cases.csv"), lent()) as source:
        file = next(each for each in PROJECT if isinstance(each, Attachment))
        with pytest.raises(RejectedError, match="the file holds no other files"):
            await anext(aiter(source.download(file)))


# --------------------------------------------------------------------------------------- hostile

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "'=1"]


@pytest.mark.parametrize("file", ["cases.csv", "cases.xlsx"])
async def test_no_cell_is_a_formula_and_each_comes_back(tmp_path: Path, file: str) -> None:
    cases = [
        TestCase(
            key=f"A-T{number}",
            name=text.strip(),
            description=text.replace("\r", ""),
            steps=(TestStep(key="1", description=text.replace("\r", "")),),
            fields=(FieldValue(name="=HYPERLINK(1)", value=text.replace("\r", "")),),
        )
        for number, text in enumerate(FORMULAS)
    ]
    async with open_sink(TableSinkConfig(path=tmp_path / file), lent()) as sink:
        await write_project(sink, cases, {})

    assert await read(tmp_path / file) == cases
    if file.endswith(".csv"):
        rows = rows_of((tmp_path / file).read_text("utf-8-sig"))
        assert not [cell for row in rows for cell in row if cell[:1] in set("=+-@\t\r\n")]
    else:
        with zipfile.ZipFile(tmp_path / file) as book:
            assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def part(name: str, body: bytes) -> Callable[[dict[str, bytes]], object]:
    return lambda parts: parts.__setitem__(name, body)


SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def cells(*places: str, more: bytes = b"") -> bytes:
    found = "".join(f'<row><c r="{place}" t="s"><v>0</v></c></row>' for place in places)
    return (
        b"<worksheet "
        + MAIN
        + b"><sheetData>"
        + found.encode()
        + more
        + b"</sheetData></worksheet>"
    )


LAUGHS = (
    b"""<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><sst>&b;</sst>"""
)
OUTSIDE = (
    b"""<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]><sst><si><t>&a;</t></si></sst>"""
)
LONG = b"<sst " + MAIN + b"><si><t>" + b"a" * 30_000 + b"</t></si></sst>"
HOSTILE: dict[str, tuple[Callable[[dict[str, bytes]], object], str]] = {
    "a bomb": (
        part("xl/media/a.bin", b"\0" * 300_000_000),
        "unpacks to 300,000,000 bytes, more than",
    ),
    "many parts": (
        lambda parts: parts.update({f"xl/a{n}": b"" for n in range(10_001)}),
        "parts, more than 10,000",
    ),
    "laughs": (part(STRINGS, LAUGHS), "it declares entities of XML"),
    "a file from outside": (part(STRINGS, OUTSIDE), "it declares entities of XML"),
    "entities in the sheet": (
        part(SHEET, LAUGHS.replace(b"sst", b"worksheet")),
        "it declares entities of XML",
    ),
    "far apart": (
        part(SHEET, cells("A1", "XFD1048576")),
        "its cells span 1,048,576 rows and 16,384 columns, more than 20,000,000 cells",
    ),
    "one long text in many cells": (
        lambda parts: parts.update(
            {STRINGS: LONG, SHEET: cells(more=b'<row><c t="s"><v>0</v></c></row>' * 33_400)}
        ),
        "its cells show more than 1,000,000,000 characters",
    ),
    "not XML": (part(SHEET, b"<worksheet>"), "a part of the workbook is not XML"),
}


@pytest.mark.parametrize(("change", "message"), HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_workbook_is_refused_before_it_is_opened(
    tmp_path: Path, change: Callable[[dict[str, bytes]], object], message: str
) -> None:
    path = workbook(tmp_path / "cases.xlsx", [["Key", "Name"], ["A", "x"]])
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, body in parts.items():
            book.writestr(name, body)

    with pytest.raises(ConfigError) as caught:
        await read(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


async def test_what_is_not_a_workbook_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "cases.xlsx", [["Key", "Name"]])
    whole = path.read_bytes()
    lying = bytearray(whole)
    place = whole.rindex(b"PK\x01\x02")  # the last part in the directory
    lying[place + 24 : place + 28] = (10).to_bytes(4, "little")  # its size, unpacked
    for body in (b"", b"PK\x03\x04", whole[: len(whole) // 2], EXPORT.encode(), bytes(lying)):
        path.write_bytes(body)
        with pytest.raises(ConfigError, match="it is not a workbook"):
            await read(path)


async def test_a_csv_file_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ztoq_files.table.sheets.MOST_BYTES", 100)
    (tmp_path / "cases.csv").write_text(EXPORT)
    with pytest.raises(ConfigError, match="a table of more than 100 bytes is not read"):
        await read(tmp_path / "cases.csv")
