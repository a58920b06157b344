"""What programs read: JSON by its schema, tables, JUnit XML, checksums, files beside the page."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import attrs
import jsonschema
import pytest

from tests.unit.report.filled import ODD, fill
from ztoq_core.errors import ConfigError
from ztoq_core.records import Kind
from ztoq_core.report import page
from ztoq_core.report.evidence import Evidence
from ztoq_core.report.write import ReportWriter
from ztoq_core.store import State, Store
from ztoq_core.store.tables import Item, bound

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/report.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{folder}/ztoq.db") as store:
        fill(store)
        yield store


@pytest.fixture(scope="module")
def evidence(store: Store) -> Evidence:
    return Evidence.from_store(store)


def written(store: Store, name: str) -> str:
    out = io.StringIO()
    ReportWriter(store).write({name: out})
    return out.getvalue()


def test_the_numbers_of_both_sides_differ_by_what_is_said(evidence: Evidence) -> None:
    for side in evidence.sides:
        assert side.source + sum(each.number for each in side.differences) == side.target, side
    said = {
        side.kind: [(each.number, each.reason) for each in side.differences]
        for side in evidence.sides
    }
    assert said[Kind.FIELD] == [
        (7, "made for the target: Zephyr status, Zephyr status, Zephyr status …")
    ]
    assert said[Kind.TEST_CASE] == [
        (-3, "refused by the mapping or the target"),
        (-1, "unusable: no name"),
    ]
    assert said[Kind.TEST_LOG] == [
        (-230, "left out: was never executed"),
        (-6, "belong to what did not arrive"),
        (-1, "in doubt: sent, but the answer was lost"),
    ]
    assert said[Kind.ATTACHMENT] == []
    (cases,) = (side for side in evidence.sides if side.kind is Kind.TEST_CASE)
    assert (cases.source, cases.target, cases.found, cases.others) == (416, 412, 4362, 0)


def test_executions_are_counted_by_result_on_both_sides(evidence: Evidence) -> None:
    found = {(each.source, each.target, each.absent): each.count for each in evidence.results}
    assert found == {
        ("Pass", "Passed", ""): 597,
        ("Pass", "Failed", ""): 3,
        ("Pass", "", "left out: was never executed"): 230,
        ("Pass", "", "belong to what did not arrive"): 6,
        ("Pass", "", "in doubt: sent, but the answer was lost"): 1,
    }
    assert evidence.executions == ({"Pass": 837}, {"Passed": 597, "Failed": 3})
    assert (Kind.TEST_LOG, "same-instant", 3) in evidence.rules


def test_the_json_is_what_its_schema_says(store: Store) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    report = json.loads(written(store, "json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert report["records"]["count"] == 2178
    assert SCHEMA["$defs"]["kind"]["enum"] == list(Kind)
    assert set(SCHEMA["$defs"]["state"]["enum"]) == set(State)


def test_the_checksum_of_the_records_is_that_of_their_state(store: Store) -> None:
    before = Evidence.from_store(store).digest
    assert before == Evidence.from_store(store).digest
    item = bound(Item, store.database.connection)
    change = item.update(target_id="9").where((item.key == "ACME-T1") & (item.kind == "test_case"))
    store.database.write_now(change.execute)
    assert Evidence.from_store(store).digest != before
    back = item.update(target_id="10001").where(item.key == "ACME-T1")
    store.database.write_now(back.execute)
    assert Evidence.from_store(store).digest == before


@pytest.mark.parametrize(
    "store_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_the_evidence_from_postgresql_is_the_same(
    store_url: str, evidence: Evidence, tmp_path: Path
) -> None:
    with Store(store_url, files=tmp_path / "files") as store:
        fill(store)
        again = Evidence.from_store(store)
    assert (again.sides, again.rules, again.digest, set(again.results)) == (
        evidence.sides,
        evidence.rules,
        evidence.digest,
        set(evidence.results),
    )


def test_files_beside_the_page_hold_the_other_records(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "INLINE", 200)
    monkeypatch.setattr(page, "CHUNK", 700)
    place = tmp_path / "acme.html"
    ReportWriter(store).write({"html": place, "json": tmp_path / "acme.json"})
    chunks = sorted((tmp_path / "acme-records").iterdir())
    assert len(chunks) == 3
    text = place.read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    inside = json.loads(data)
    assert inside["files"] == [f"acme-records/{each.name}" for each in chunks]
    rows = inside["first"]["rows"]
    for each in chunks:
        call = re.fullmatch(r"ztoqRecords\((.*)\);\n", each.read_text("utf-8"))
        assert call
        assert not set(call[1]) & set("<>&")
        rows += json.loads(call[1])["rows"]
    keys = {(inside["kinds"][row[0]], row[1]) for row in rows}
    assert len(keys) == len(rows) == inside["total"] == 2178
    # the list of checksums is true, and the page shows those of the other files
    listed = (tmp_path / "acme.sha256").read_text("utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in listed)}
    assert set(sums) == {"acme.html", "acme.json", *inside["files"]}
    for name, digest in sums.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
        assert (digest in text) == (name != "acme.html")
    # a page that holds all removes what nobody refers to any more, and nothing else
    monkeypatch.setattr(page, "INLINE", 3000)
    (tmp_path / "acme-records" / "notes.txt").touch()
    ReportWriter(store).write({"html": place})
    assert [each.name for each in (tmp_path / "acme-records").iterdir()] == ["notes.txt"]


def test_no_file_is_written_through_a_link_beside_the_page(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "INLINE", 200)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "report-records").symlink_to("elsewhere")
    with pytest.raises(ConfigError, match="report-records': it is a symbolic link"):
        ReportWriter(store).write({"html": tmp_path / "report.html"})
    assert not list((tmp_path / "elsewhere").iterdir())


def test_only_addresses_of_web_pages_become_links(store: Store, tmp_path: Path) -> None:
    odd = "javascript:alert(1)"
    ReportWriter(store, lambda _kind, _key: odd).write({"html": tmp_path / "report.html"})
    assert odd not in (tmp_path / "report.html").read_text("utf-8")


def cells(book: Path) -> list[list[str]]:
    names = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(book) as file:
        sheet = ET.fromstring(file.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - our own
    assert not sheet.findall(".//s:f", names)  # no formula
    return [["".join(cell.itertext()) for cell in row] for row in sheet.findall(".//s:row", names)]


def test_the_workbook_has_every_record_as_text(store: Store, tmp_path: Path) -> None:
    item = bound(Item, store.database.connection)
    change = item.update(reason=ODD, pid="=1+1").where(item.key == "ACME-P1")
    store.database.write_now(change.execute)
    ReportWriter(store, lambda _kind, key: f"https://x.example/{key}").write(
        {"xlsx": tmp_path / "ids.xlsx"}
    )
    head, *rows = cells(tmp_path / "ids.xlsx")
    assert head[:4] == ["key", "kind", "title", "state"]
    assert len(rows) == 2178
    (plan,) = (row for row in rows if row[0] == "ACME-P1")
    assert plan[1:] == ["test_plan", "", "finished", "10001", "=1+1", *plan[6:]]
    assert plan[7] == "https://x.example/ACME-P1"


def test_a_workbook_goes_on_on_another_sheet(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ztoq_core.report.exports.MOST_ROWS", 2000)
    ReportWriter(store).write({"xlsx": tmp_path / "ids.xlsx"})
    assert len(cells(tmp_path / "ids.xlsx")) == 2000
    with zipfile.ZipFile(tmp_path / "ids.xlsx") as file:
        assert "xl/worksheets/sheet2.xml" in file.namelist()


def test_without_xlsxwriter_a_workbook_says_what_to_install(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ConfigError, match=r"pip install 'ztoq-core\[xlsx\]'"):
        ReportWriter(store).write({"xlsx": tmp_path / "ids.xlsx"})
    assert not list(tmp_path.iterdir())


def junit(store: Store) -> ET.Element:
    return ET.fromstring(written(store, "junit"))  # noqa: S314 - our own


def test_junit_has_a_failure_for_each_problem(store: Store) -> None:
    found = junit(store)
    suites = {suite.get("name"): suite for suite in found}
    for suite in found:
        assert len(suite) == int(suite.get("tests", ""))
        assert len(suite.findall("*/failure")) == int(suite.get("failures", ""))
    (verdict,) = suites["verdict"].findall("*/failure")
    assert verdict.get("message", "").startswith("The migration is incomplete: 3 failed")
    failed = {
        case.get("name"): case.findtext("failure")
        for case in suites["test cases"]
        if case.find("failure") is not None
    }
    assert set(failed) == {"ACME-T413", "ACME-T414", "ACME-T415", "ACME-T416"}
    assert ODD in str(failed["ACME-T413"])
    assert [case.get("name") for case in suites["test plans"]] == ["3 of 3 arrived"]
    assert len(suites["validation"].findall("*/failure")) == 1


def test_junit_is_xml_whatever_a_key_holds(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        row = {"kind": Kind.FOLDER, "key": "F\x01<&\"'\n", "rank": 1, "state": State.FAILED}
        insert = bound(Item, store.database.connection).insert(row | {"reason": "\x0b]]>\ufffe"})
        store.database.write_now(insert.execute)
        found = junit(store)
    (case,) = found.findall("testsuite[@name='folders']/*[failure]")
    assert case.get("name") == "F\ufffd<&\"' "
    assert case.findtext("failure") == "failed: \ufffd]]>\ufffd"


def test_attributes_of_the_evidence_are_in_the_json(store: Store, evidence: Evidence) -> None:
    report = json.loads(written(store, "json"))
    assert report["records"]["sha256"] == evidence.digest
    assert report["sides"][0]["differences"][0] == attrs.asdict(evidence.sides[0].differences[0])
