"""The service that the client's tests talk to, and what the log says of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loguru import logger

from tests.unit.http.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="DEBUG")
    logger.enable("ztoq_core")
    yield lines
    logger.disable("ztoq_core")
    logger.remove(sink)
