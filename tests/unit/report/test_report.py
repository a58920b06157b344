from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.report.filled import ODD, fill
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.records import Kind
from ztoq_core.report.data import Report
from ztoq_core.report.files import open_output
from ztoq_core.report.write import FORMATS, ReportWriter
from ztoq_core.store import State, Store
from ztoq_core.store.tables import Item, bound
from ztoq_core.text_files import restored_cell, write_table


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("store")
    with Store(f"sqlite:///{folder}/ztoq.db") as store:
        fill(store)
        yield store


@pytest.fixture(scope="module")
def page(store: Store) -> str:
    return written(store, "html")


def written(store: Store, name: str) -> str:
    out = io.StringIO()
    ReportWriter(store, lambda kind, key: f"https://acme.example.com/{kind}/{key}").write(
        {name: out}
    )
    return out.getvalue()


class Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.attributes: set[str] = set()
        self.hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.hidden = tag in {"style", "script"}
        self.attributes.update(name for name, _ in attrs)
        self.loaded += [value or "" for name, value in attrs if name == "src"]
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.text).split())


def test_the_verdict_counts_what_has_not_arrived(store: Store) -> None:
    report = Report.from_store(store)
    assert report.verdict.exit is Exit.LEFT
    assert report.verdict.headline.startswith("The migration is incomplete: 3 failed, 10 blocked")
    assert (report.total, report.arrived, report.skipped) == (2178, 1930, 230)


def test_problems_are_grouped_with_their_reasons(store: Store) -> None:
    report = Report.from_store(store)
    assert {group.state: group.total for group in report.problems} == {
        State.FAILED: 3,
        State.UNKNOWN: 1,
        State.CONFLICT: 1,
        State.REJECTED: 1,
        State.BLOCKED: 10,
    }
    (skips,) = report.skips
    assert (skips.kind, skips.reason, skips.total) == (Kind.TEST_LOG, "was never executed", 230)


def test_long_lists_are_cut_but_counted(store: Store, page: str) -> None:
    report = Report.from_store(store, limit=5)
    (drift,) = (group for group in report.notes if group.code == "step-drift")
    assert (drift.total, len(drift.examples)) == (230, 5)
    assert len(report.skips[0].keys) == 5
    assert [len(group.examples) for group in report.problems] == [3, 1, 1, 1, 5]
    assert "The first 200 of 230. Show all in the list of records" in str(Text(page))


def test_reasons_of_skips_are_not_endless(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        item = bound(Item, store.database.connection)
        for number in range(9):
            row = {"kind": Kind.FOLDER, "key": f"F{number}", "rank": 1, "state": State.SKIPPED}
            insert = item.insert(row | {"reason": f"reason {number}"})
            store.database.write_now(insert.execute)
        skips = Report.from_store(store, limit=3).skips
    assert {skip.reason: skip.total for skip in skips} == {
        "reason 0": 1,
        "reason 1": 1,
        "reason 2": 1,
        "other reasons": 6,
    }


def test_the_page_holds_every_reason(page: str) -> None:
    seen = str(Text(page))
    for expected in (
        "The migration is incomplete: 3 failed, 10 blocked",
        "zephyr api.zephyrscale.smartbear.com ACME → qtest acme.qtestnet.com 4242",
        "ACME-T413 test case qTest: POST test-cases answered 400",
        "ACME-T1 TC-1 The name",
        "waits for test_case ACME-T413, which failed",
        "was never executed",
        "The file 'shot.png' is not there any more",
        "Executed steps differ from today's",
        "does not show archived test cases",
        "ACME-T7 , ACME-T8",
        "test log ACME-E4 exists 2 times in the target",
        "1 different file 12.3 MB",
        "ztoq migrate",
        "items are left",
    ):
        assert expected in seen, expected


def test_texts_are_escaped(page: str) -> None:
    assert ODD in str(Text(page))
    assert page.count("<script") == 2  # data and our own
    assert not [name for name in Text(page).attributes if name.startswith("on")]


def test_the_page_loads_nothing(page: str) -> None:
    read = Text(page)
    assert not read.loaded
    assert not read.tags & {"link", "img", "iframe", "object", "form"}
    assert not re.search(r"url\(|@import", page)


def test_the_policy_of_the_page_allows_its_own_script_and_style_alone(page: str) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    parts = dict(part.split(" ", 1) for part in html.unescape(policy).split("; "))
    assert parts["default-src"] == parts["base-uri"] == parts["form-action"] == "'none'"
    for part, tag in (("script-src", "script"), ("style-src", "style")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert parts[part] == f"'sha256-{digest}'"
    assert "style=" not in page  # the policy forbids it


def test_keys_lead_to_both_systems(page: str) -> None:
    links = Text(page).links
    assert "https://acme.example.com/test_case/ACME-T1" in links
    assert "https://acme.qtestnet.com/p/4242/1" in links


def test_the_json_has_complete_lists(store: Store) -> None:
    got = json.loads(written(store, "json"))
    assert got["verdict"]["exit"] == 1
    assert len(got["notes"]) == 233
    assert len(got["problems"]) == 246
    assert got["rejects"] == [{"kind": "test_case", "key": "ACME-T416", "reason": "no name"}]
    assert got["validation"]["rows"][1]["missing"] == ["ACME-T7", "ACME-T8"]
    assert {row["kind"]: row["total"] for row in got["kinds"]}["test_log"] == 837


def test_the_csv_has_every_record_with_its_title_state_and_id(store: Store) -> None:
    text = written(store, "csv")
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(text))}
    assert rows["ACME-T1"] == {
        "key": "ACME-T1",
        "kind": "test_case",
        "title": "Log in",
        "state": "finished",
        "target_id": "10001",
        "pid": "TC-1",
        "url": "https://acme.qtestnet.com/p/4242/1",
        "source_url": "https://acme.example.com/test_case/ACME-T1",
    }
    assert (rows["ACME-T413"]["state"], rows["ACME-T413"]["target_id"]) == ("failed", "")
    assert len(rows) == Report.from_store(store).total


@given(
    st.lists(
        st.text("=+-@'\t\r\n\",; a1|\x00", max_size=5)
        | st.sampled_from(["=cmd|' /C calc'!A0", "@SUM(1)", "-1+1", "'=1"]),
        min_size=1,
        max_size=4,
    )
)
def test_no_cell_is_a_formula_and_each_can_be_had_back(cells: list[str]) -> None:
    out = io.StringIO()
    write_table(out, [cells])
    if any("\x00" in cell for cell in cells):
        return  # no record holds one
    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert not [cell for cell in row if cell[:1] in set("=+-@\t\r\n")]
    assert [restored_cell(cell) for cell in row] == cells


def _device(path: Path) -> None:
    path.symlink_to("/dev/null")


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _to_a_file(path: Path) -> None:
    path.with_name("private").write_text("mine")
    path.symlink_to("private")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (_device, "a symbolic link"),
        (_dangling, "a symbolic link"),
        (_to_a_file, "a symbolic link"),
        (os.mkfifo, "a named pipe"),
        (Path.mkdir, "a folder"),
    ],
)
def test_a_report_replaces_nothing_but_a_file(
    store: Store, tmp_path: Path, make: Callable[[Path], None], what: str
) -> None:
    place = tmp_path / "report"
    make(place)
    before = {each: each.lstat().st_mode for each in tmp_path.iterdir()}
    refused = f"cannot write the report '{place}': it is {what}"
    for name in FORMATS:
        with pytest.raises(ConfigError, match=refused):
            ReportWriter(store).write({name: place})
    assert {each: each.lstat().st_mode for each in tmp_path.iterdir()} == before


def test_a_device_is_not_replaced_by_a_report(store: Store) -> None:
    with pytest.raises(ConfigError, match="'/dev/null': it is a device"):
        ReportWriter(store).write({"csv": Path("/dev/null")})


def test_a_report_that_breaks_off_leaves_the_one_before(tmp_path: Path) -> None:
    place = tmp_path / "report.csv"
    place.write_text("before")

    def rows() -> Iterator[list[str]]:
        yield ["half"]
        raise RuntimeError

    def write() -> None:
        with open_output(place) as file:
            write_table(file, rows())

    with pytest.raises(RuntimeError):
        write()
    assert place.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["report.csv"]


def test_a_file_is_there_whole_or_not_at_all(store: Store, tmp_path: Path) -> None:
    ReportWriter(store).write({"html": tmp_path / "new" / "report.html"})
    names = {each.name for each in (tmp_path / "new").iterdir()}
    assert names == {"report.html", "report.sha256", "report-records"}
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write the report"):
        ReportWriter(store).write({"html": tmp_path / "file" / "report.html"})


def test_a_store_in_which_nothing_happened_has_a_report(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        for name in FORMATS:
            ReportWriter(store).write({name: tmp_path / name})
        with store.run("extract"):
            page = written(store, "html")
    assert "Nothing has been extracted yet" in page
    assert "Not validated yet" in page
    assert "still running" in page


def test_what_is_left_out_on_purpose_counts_as_settled(store: Store) -> None:
    row = next(row for row in Report.from_store(store).kinds if row.kind is Kind.TEST_LOG)
    assert (row.arrived, row.due, row.total, row.percent) == (600, 607, 837, 98)
