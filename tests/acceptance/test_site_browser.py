"""The documentation site in a real browser, from a folder: it asks nobody, and finds its pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

import pytest

# Playwright is installed for the acceptance run alone
Browser: TypeAlias = Any

ROOT = Path(__file__).parents[2]
PAGES = ("docs/index.html", "README.html", "docs/reference/config.html", "docs/running.html")
PHONE = 390
SEVERE = {"serious", "critical"}
HARMLESS = {"scrollable-region-focusable"}
"""The keyboard reaches what scrolls anyway (Chromium since 130)."""

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx", reason="sphinx is not installed (tox -e docs)")
    made = tmp_path_factory.mktemp("site")
    sphinx = (sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs/site")
    places = ("-d", str(made / "doctrees"), ".", str(made / "site"))
    subprocess.run([*sphinx, *places], cwd=ROOT, check=True)
    return made / "site"


@pytest.mark.parametrize("width", [1280, PHONE])
def test_pages_fit_and_ask_no_other_host(browser: Browser, site: Path, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 844})
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    for page in PAGES:
        tab.goto((site / page).as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    tab.close()


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("Another run uses this store", "Exit codes and errors"),
        ("ZTOQ_SOURCE_PAGE_SIZE", "Keys of ztoq.toml"),
        ("rollback", "Commands"),
    ],
)
def test_the_search_works_without_a_server(
    browser: Browser, site: Path, words: str, page: str
) -> None:
    tab = browser.new_page()
    tab.goto((site / "index.html").as_uri())
    tab.wait_for_url("**/docs/index.html")
    tab.get_by_placeholder("Search").first.fill(words)
    tab.keyboard.press("Enter")
    tab.locator("#search-results li a").filter(has_text=page).first.wait_for(timeout=10_000)
    tab.close()


def test_pages_can_be_read_by_everybody(browser: Browser, site: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    tab = browser.new_page()
    for page in PAGES:
        tab.goto((site / page).as_uri())
        faults = axe.Axe().run(tab).response["violations"]
        severe = [
            each for each in faults if each["impact"] in SEVERE and each["id"] not in HARMLESS
        ]
        assert [(each["id"], each["nodes"][0]["html"]) for each in severe] == []
    tab.close()
