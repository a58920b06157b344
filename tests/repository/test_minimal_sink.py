"""``examples/minimal-sink`` keeps the contract; ``test_examples.py`` installs and uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from ztoq_testkit import SinkContract, lent

from tests.repository.test_examples import EXAMPLES, load
from ztoq_core.contracts import Sink
from ztoq_core.plugins import Plugins

EXAMPLE = EXAMPLES / "minimal-sink"
PAGES = load(EXAMPLE / "ztoq_pages.py")


class TestPages(SinkContract):
    lost = (
        *("folder.order", "test_case.component", "test_case.created", "test_case.estimated"),
        *("test_case.field", "test_case.label", "test_case.link", "test_case.owner"),
        *("test_case.priority", "test_case.requirements", "test_case.script", "test_case.status"),
    )

    @pytest.fixture
    async def sink(self, tmp_path: Path) -> AsyncIterator[Sink]:
        declared = Plugins(PAGES).sink("pages")
        async with declared.open(declared.config(path=tmp_path / "pages"), lent()) as opened:
            yield opened

    @pytest.fixture
    def reopened(self, tmp_path: Path) -> Callable[[Sink], Sink]:
        return lambda _: PAGES.PagesSink(tmp_path / "pages")
