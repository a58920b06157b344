"""Fixtures for tests of several rooms of the core."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.environment import Environment


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Provide an environment with no plugins but those that a test installs."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return Environment(tmp_path, monkeypatch)
