"""What acceptance tests share: a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest

# Playwright is installed for the acceptance run alone
Browser: TypeAlias = Any


@pytest.fixture(scope="module")  # while it is open, no asynchronous test can run
def browser() -> Iterator[Browser]:
    """A Chromium without a window; tests are skipped where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium (Debian: apt-get install chromium)")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as play:
        # as root chromium's sandbox cannot start, in containers /dev/shm may be small
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        opened = play.chromium.launch(executable_path=chromium, args=options)
        yield opened
        opened.close()
