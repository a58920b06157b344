"""The doubles in memory keep the contracts that plugins are held to."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ztoq_core.contracts import Sink, Source
from ztoq_core.testing import (
    CONTENTS,
    PROJECT,
    MemorySink,
    MemorySource,
    SinkContract,
    SourceContract,
)


class TestMemorySource(SourceContract):
    @pytest.fixture
    def source(self) -> Source:
        return MemorySource(PROJECT, CONTENTS, page_size=1)

    @pytest.fixture
    def contents(self) -> Mapping[str, bytes]:
        return {"ACME-T1#1": CONTENTS["basket"], "ACME-E2#2": CONTENTS["log"]}


class TestMemorySink(SinkContract):
    @pytest.fixture
    def sink(self) -> Sink:
        return MemorySink(refuses=["ACME-T9"])
