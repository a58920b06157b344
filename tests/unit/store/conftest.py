"""The store's own tests use SQLite as users have it; all others let it wait for no disk."""

from __future__ import annotations

import pytest

from ztoq_core.store.connection import PRAGMAS


@pytest.fixture(autouse=True)
def _settings_of_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRAGMAS, "synchronous", "full")
