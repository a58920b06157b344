"""The reader of configs, and the plugins that they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config.shop import Reader, Shop
from ztoq_core.plugins import Plugins


@pytest.fixture
def plugins() -> Plugins:
    return Plugins(Shop())


@pytest.fixture
def read(tmp_path: Path, plugins: Plugins) -> Reader:
    return Reader(tmp_path, plugins)
