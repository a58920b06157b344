from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.report.filled import ODD, fill
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.records import Kind
from ztoq_core.report import Report, write_csv, write_html, write_json
from ztoq_core.report.render import _size
from ztoq_core.store import State, Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("store")
    with Store(f"sqlite:///{folder}/ztoq.db") as store:
        fill(store)
        yield store


@pytest.fixture(scope="module")
def page(store: Store) -> str:
    out = io.StringIO()
    write_html(Report.from_store(store), out)
    return out.getvalue()


class Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
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
    assert "The first 200 of 230; the JSON report has all." in str(Text(page))


def test_reasons_of_skips_are_not_endless(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        for number in range(9):
            row = {"kind": Kind.FOLDER, "key": f"F{number}", "rank": 1, "state": State.SKIPPED}
            insert = store.item_table.insert(row | {"reason": f"reason {number}"})
            store.write_now(insert.execute)
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
        "waits for test_case ACME-T413, which failed",
        "was never executed",
        "The file 'shot.png' is not there any more",
        "Executed steps differ from today's",
        "does not show archived test cases",
        "ACME-T7 , ACME-T8",
        "test log ACME-E4 exists 2 times in the target",
        "12.3 MB in 1 different file",
        "ztoq migrate",
        "items are left",
    ):
        assert expected in seen, expected


def test_texts_are_escaped(page: str) -> None:
    assert ODD in str(Text(page))
    assert "script" not in Text(page).tags


def test_the_page_loads_nothing(page: str) -> None:
    assert not Text(page).links
    assert not re.search(r"url\(|@import", page)


def test_the_json_has_complete_lists(store: Store) -> None:
    out = io.StringIO()
    write_json(Report.from_store(store, limit=5), store, out)
    got = json.loads(out.getvalue())
    assert got["verdict"]["exit"] == 1
    assert len(got["notes"]) == 233
    assert len(got["problems"]) == 246
    assert got["rejects"] == [{"kind": "test_case", "key": "ACME-T416", "reason": "no name"}]
    assert got["validation"]["rows"][1]["missing"] == ["ACME-T7", "ACME-T8"]
    assert {row["kind"]: row["total"] for row in got["kinds"]}["test_log"] == 837


def test_the_csv_maps_keys_to_ids(store: Store) -> None:
    out = io.StringIO()
    write_csv(store, out)
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(out.getvalue()))}
    assert rows["ACME-T1"] == {
        "key": "ACME-T1",
        "kind": "test_case",
        "target_id": "10001",
        "pid": "TC-1",
        "url": "https://acme.qtestnet.com/p/4242/1",
    }
    assert "ACME-T413" not in rows


def test_a_file_is_there_whole_or_not_at_all(store: Store, tmp_path: Path) -> None:
    report = Report.from_store(store)
    write_html(report, tmp_path / "new" / "report.html")
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["report.html"]
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write the report"):
        write_html(report, tmp_path / "file" / "report.html")


def test_a_store_in_which_nothing_happened_has_a_report(tmp_path: Path) -> None:
    out = io.StringIO()
    with Store(f"sqlite:///{tmp_path}/s.db") as store:
        write_html(Report.from_store(store), out)
        with store.run("extract"):
            write_html(Report.from_store(store), out)
    assert "Nothing has been extracted yet" in out.getvalue()
    assert "Not validated yet" in out.getvalue()
    assert "still running" in out.getvalue()


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (12_345, "12.3 KB"), (5_000_000_000, "5.0 GB")],
)
def test_sizes_are_for_people(size: int, words: str) -> None:
    assert _size(size) == words
