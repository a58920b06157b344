"""The doubles in memory keep the contracts that plugins are held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
from ztoq_testkit import (
    CONTENTS,
    PROJECT,
    MemoryDirectory,
    MemorySink,
    MemorySource,
    SinkContract,
    SourceContract,
)
from ztoq_testkit.sources import Remove

from ztoq_core.contracts import Sink, Source
from ztoq_core.records import IdKind, Link, LinkType, Record, ResolvedName, TestCase


class TestMemorySource(SourceContract):
    @pytest.fixture
    def source(self) -> Source:
        records = [attrs.evolve(each, raw={"key": each.key}) for each in PROJECT]
        return MemorySource(records, CONTENTS, page_size=1)

    @pytest.fixture
    def remove(self, source: MemorySource) -> Remove:
        async def removed(record: Record) -> None:
            del source.records[record.ref]

        return removed

    @pytest.fixture
    def contents(self) -> Mapping[str, bytes]:
        return {"ACME-T1#1": CONTENTS["basket"], "ACME-E2#2": CONTENTS["log"]}


class TestMemoryDirectory(SourceContract):
    @pytest.fixture
    def source(self) -> Source:
        case = TestCase(
            key="ACME-T1",
            name="Log in",
            owner="quinn",
            raw={"key": "ACME-T1"},
            links=(Link(type=LinkType.COVERAGE, issue_id="10010"),),
        )
        names = (
            ResolvedName(topic=IdKind.ISSUE, id="10010", key="ACME-1", name="Log in"),
            ResolvedName(topic=IdKind.PERSON, id="quinn", name="Quinn"),
        )
        return MemoryDirectory([case], names=names)


class TestMemorySink(SinkContract):
    @pytest.fixture
    def sink(self) -> Sink:
        return MemorySink(refuses=["ACME-T9"])

    @pytest.fixture
    def reopened(self) -> Callable[[Any], Sink]:
        def again(before: MemorySink) -> Sink:
            after = MemorySink()
            after.objects = before.objects
            return after

        return again
