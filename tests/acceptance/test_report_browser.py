"""The report in a real browser: it asks nobody, finds records, and is readable everywhere."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pytest

from tests.unit.report.filled import fill
from ztoq_core.records import Kind, Level
from ztoq_core.report import page
from ztoq_core.report.write import ReportWriter
from ztoq_core.store import State, Store
from ztoq_core.store.tables import Item, NoteRow, SourceBody, bound

# Playwright is installed for the acceptance run alone
Browser: TypeAlias = Any
Page: TypeAlias = Any

SEVERE = {"serious", "critical"}
HOSTILE = (
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "\"><svg onload='window.hacked = 1'>",
    "{{ 7 * 7 }}{% raw %}${window.hacked = 1}",
    "=HYPERLINK('https://evil.example.com')",
    "<!--<script>",
    "javascript:window.hacked=1",
    "'; window.hacked = 1; //\u2028window.hacked = 1",
)
RECORDS = 100_000
MEMORY = """\
import json, resource, sys, time
from pathlib import Path
from ztoq_core.report.write import ReportWriter
from ztoq_core.store import Store
start = time.perf_counter()
with Store(sys.argv[1], look_only=True) as store:
    folder = Path(sys.argv[2])
    places = {"html": "r.html", "json": "r.json", "csv": "r.csv", "xlsx": "x", "junit": "j"}
    ReportWriter(store, lambda kind, key: f"https://jira.example.com/projects/{kind}/{key}").write(
        {name: folder / each for name, each in places.items()}
    )
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([time.perf_counter() - start, peak]))
"""


@attrs.define
class Seen:
    """What a page did: what it asked for, and what it complained about."""

    asked: list[str] = attrs.field(factory=list)
    said: list[str] = attrs.field(factory=list)


@contextmanager
def shown(browser: Browser, report: Path, **given: Any) -> Iterator[tuple[Page, Seen]]:
    """Show a page; it may ask for files of its own folder alone, and complain about nothing."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **given})
    tab, seen = context.new_page(), Seen()
    tab.on("request", lambda request: seen.asked.append(request.url))
    tab.on("console", lambda message: seen.said.append(message.text))
    tab.on("pageerror", lambda error: seen.said.append(str(error)))
    tab.goto(report.as_uri())
    yield tab, seen
    context.close()
    assert [url for url in seen.asked if not url.startswith(report.parent.as_uri())] == []
    assert seen.said == []


def count(tab: Page) -> str:
    return str(tab.inner_text("#count"))


def until(tab: Page, text: str) -> None:
    """Wait until the line below the list says so; the page's policy forbids to evaluate code."""
    tab.locator("#count", has_text=text).wait_for()


def keys(tab: Page) -> list[str]:
    return [*tab.locator("#records td[data-label=Source]").all_inner_texts()]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path_factory.mktemp('store')}/ztoq.db") as store:
        fill(store)
        yield store


@pytest.fixture(scope="module")
def folder(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose last records are in files beside the page."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "INLINE", 500)
        patch.setattr(page, "CHUNK", 600)
        write(store, folder)
    return folder


def write(store: Store, folder: Path) -> None:
    pages = "https://jira.example.com/projects"
    writer = ReportWriter(store, lambda kind, key: f"{pages}/{kind}/{key}")
    writer.write({"html": folder / "report.html", "json": folder / "report.json"})


def test_records_are_searched_filtered_and_sorted(browser: Browser, folder: Path) -> None:
    with shown(browser, folder / "report.html") as (tab, seen):
        assert count(tab) == "1 to 100 of 500, of the first 500 of 2,178"
        assert len(seen.asked) == 1
        tab.fill("#find", "acme-t41 log")
        until(tab, "of 8")
        assert keys(tab) == ["ACME-T41", *(f"ACME-T{number}" for number in range(410, 417))]
        assert len(seen.asked) == 4  # the page and three files
        tab.fill("#find", "")
        tab.select_option("#state", label="failed")
        assert count(tab) == "1 to 3 of 3"
        assert "answered 400" in tab.inner_text("#records tbody")
        tab.select_option("#state", label="all")
        tab.select_option("#kind", label="test log")
        tab.click("#records th button[data-column=key]")
        assert keys(tab)[:3] == ["ACME-E1", "ACME-E2", "ACME-E3"]  # numbers as numbers
        tab.click("#records th button[data-column=key]")
        assert keys(tab)[0] == "ACME-E837"
        header = tab.locator("#records th[aria-sort]")
        assert header.get_attribute("aria-sort") == "descending"
        tab.click("#next")
        assert count(tab) == "101 to 200 of 837"
        # from a group of changes to all of its records
        tab.click("summary:has-text('step-drift')")
        tab.click("button[data-what$=step-drift]")
        assert count(tab) == "1 to 100 of 230"


def test_keys_lead_to_both_systems(browser: Browser, folder: Path) -> None:
    with shown(browser, folder / "report.html") as (tab, _):
        tab.fill("#find", "acme-t3")
        row = tab.locator("#records tr", has=tab.get_by_text("ACME-T3", exact=True))
        links = [each.get_attribute("href") for each in row.locator("a").all()]
        assert links == [
            "https://jira.example.com/projects/test_case/ACME-T3",
            "https://acme.qtestnet.com/p/4242/3",
        ]
        for each in row.locator("a").all():
            assert each.get_attribute("rel") == "noopener noreferrer"


def test_a_page_that_was_sent_without_its_files_says_so(
    browser: Browser, folder: Path, tmp_path: Path
) -> None:
    shutil.copy(folder / "report.html", tmp_path)
    with shown(browser, tmp_path / "report.html") as (tab, seen):
        tab.fill("#find", "acme-t41")
        until(tab, "not found")
        assert "1,678 records are in files beside this page, which were not found" in count(tab)
        assert "ACME-T410" in keys(tab)
        # the browser says on its console that it found no file
        assert all("ERR_FILE_NOT_FOUND" in text for text in seen.said)
        seen.said.clear()


def test_a_hostile_project_does_nothing(browser: Browser, tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/ztoq.db") as store:
        connection = store.database.connection
        items, bodies = bound(Item, connection), bound(SourceBody, connection)
        notes = bound(NoteRow, connection)

        def insert() -> None:
            for number, text in enumerate(HOSTILE):
                item = items.insert(
                    kind=Kind.TEST_CASE,
                    key=text,
                    rank=Kind.TEST_CASE.rank,
                    state=State.FAILED if number % 2 else State.FINISHED,
                    reason=text,
                    target_id="1",
                    pid=text,
                    url=f"javascript:{text}",
                ).execute()
                body = json.dumps({"name": text}).encode()
                bodies.insert(item=item, record=body).execute()
                notes.insert(
                    kind=Kind.TEST_CASE,
                    key=text,
                    origin="test",
                    level=Level.LOSS,
                    code=text,
                    text=text,
                ).execute()

        store.database.write_now(insert)
        store.bind(source=HOSTILE[0], sink=HOSTILE[1])
        ReportWriter(store, lambda _kind, key: f"javascript:{key}").write(
            {"html": tmp_path / "report.html"}
        )
    with shown(browser, tmp_path / "report.html") as (tab, seen):
        for summary in tab.locator("summary").all():
            summary.click()
        tab.fill("#find", "hacked")
        until(tab, "of 7")
        assert tab.evaluate("window.hacked") is None
        assert set(keys(tab)) == {
            text.replace("\u2028", "\u2028") for text in HOSTILE if "hacked" in text
        }
        assert tab.locator("main img, main svg[onload], main script").count() == 0
        assert tab.locator("a[href^='javascript' i]").count() == 0
        assert tab.inner_text(".route").startswith(HOSTILE[0])
        assert len(seen.asked) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_readable_on_a_phone_and_in_the_dark(
    browser: Browser, folder: Path, scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    size = {"width": width, "height": 844}
    with shown(browser, folder / "report.html", viewport=size, color_scheme=scheme) as (tab, _):
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        color = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(int(each) for each in color[4:-1].split(", ")) / 3
        assert (light > 200) == (scheme == "light")
        for summary in tab.locator("summary").all():
            summary.click()
        faults = axe.Axe().run(tab).response["violations"]
        severe = [
            (each["id"], each["help"], each["nodes"][0]["html"])
            for each in faults
            if each["impact"] in SEVERE
        ]
        assert severe == []


def test_on_paper_it_has_the_verdict_and_a_place_to_sign(
    browser: Browser, folder: Path, tmp_path: Path
) -> None:
    with shown(browser, folder / "report.html", color_scheme="dark") as (tab, _):
        made = tab.pdf(path=tmp_path / "report.pdf", format="A4")
        assert made.startswith(b"%PDF")
        tab.emulate_media(media="print", color_scheme="dark")
        color = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert color == "rgb(255, 255, 255)"  # paper is white
        assert tab.is_visible("h1")
        assert tab.is_visible("text=Signature >> nth=0")
        assert not tab.is_visible("#records")
        assert not tab.is_visible("nav")


@pytest.mark.timeout(600)
def test_a_hundred_thousand_records_stay_usable(browser: Browser, tmp_path: Path) -> None:
    peaks = []
    for number in (20_000, RECORDS):
        store = tmp_path / f"{number}.db"
        _fill_large(store, number)
        out = tmp_path / f"{number}"
        command = (sys.executable, "-c", MEMORY, f"sqlite:///{store}", str(out))
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, peak = json.loads(done.stdout)
        peaks.append(peak)
        size = sum(each.stat().st_size for each in (out / "r-records").iterdir()) / 1e6
        print(  # noqa: T201 - seen with pytest -s
            f"{number:,} records in all formats: {seconds:.1f} s, {peak:.0f} MB; "
            f"page {(out / 'r.html').stat().st_size / 1e6:.1f} MB, beside it {size:.1f} MB"
        )
    assert peaks[1] - peaks[0] < 30  # MB: it does not grow with the project
    with shown(browser, out / "r.html") as (tab, _):
        start = time.perf_counter()
        tab.fill("#find", "T99999")
        until(tab, "1 to 1 of 1")
        loaded = time.perf_counter() - start
        start = time.perf_counter()
        tab.fill("#find", "order 7777 is")
        until(tab, "1 to 1 of 1")
        found = time.perf_counter() - start
        tab.fill("#find", "")
        until(tab, "of 100,000")
        start = time.perf_counter()
        tab.click("#records th button[data-column=title]")
        tab.locator("#records td", has_text="Order 0 is paid").wait_for()
        ordered = time.perf_counter() - start
        print(  # noqa: T201
            f"in the browser: load all and search {loaded:.1f} s, search {found:.2f} s, "
            f"sort {ordered:.2f} s"
        )
    assert loaded < 30
    assert found < 3
    assert ordered < 5


def _fill_large(path: Path, number: int) -> None:
    """Make a store with so many test cases, a third of them with a note."""
    with Store(f"sqlite:///{path}"):
        pass
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            """INSERT INTO item (id, kind, key, rank, state, target_id, pid, url, reason, cause,
                loss, pending, derived, seen_run, digest, proof, chosen, target_digest, turn,
                joined, written_digest, finished_digest, refused_digest, attempts, waiting,
                open_files, version, parts, stamp, borrowed, created_run, updated_run,
                before_delete)
            VALUES (?, 'test_case', ?, 3, 'finished', ?, ?, ?, '', '', 0, 0, 0, 1, ?, '', 'yes',
                ?, '', '', '', '', '', 1, 0, 0, '', '', '', 0, 1, 1, '')""",
            (
                (
                    each,
                    f"ACME-T{each}",
                    str(each),
                    f"TC-{each}",
                    f"https://acme.qtestnet.com/p/4242/portal/project#tab=testdesign&id={each}",
                    f"{each:064x}",
                    f"{each:064x}",
                )
                for each in range(1, number + 1)
            ),
        )
        database.executemany(
            "INSERT INTO source_body (item, record) VALUES (?, ?)",
            (
                (each, json.dumps({"name": f"Order {each * 7919 % number} is paid"}).encode())
                for each in range(1, number + 1)
            ),
        )
        database.executemany(
            """INSERT INTO note (kind, key, origin, level, code, text)
            VALUES ('test_case', ?, 'test', 'fallback', 'field-as-text', ?)""",
            (
                (f"ACME-T{each}", f"qTest has no field for 'Risk {each % 5}'")
                for each in range(1, number + 1, 3)
            ),
        )
