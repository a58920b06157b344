"""Whatever a plugin does wrong at work is said with its name, the call and the error itself."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import pytest

from tests.unit.cli.conftest import Program, Said

TEMPLATE = """
import asyncio
from contextlib import asynccontextmanager

import attrs
from ztoq_testkit import CONTENTS, PROJECT, MemorySink, MemorySource

from ztoq_core.plugin import *

HELD = MemorySink()

class OurSource(MemorySource):
    pass

class OurSink(MemorySink):
    def __init__(self):
        super().__init__()
        self.objects = HELD.objects
        self.schema = attrs.evolve(self.schema, remote=False)

@attrs.frozen
class Config:
    pass

def build(config, context):
    return change

def change(record):
    return record

{body}

@asynccontextmanager
async def open_source(config, services):
    yield OurSource(PROJECT, CONTENTS)

@asynccontextmanager
async def open_sink(config, services):
    yield OurSink()

{more}

@hookimpl
def ztoq_sources():
    return [SourcePlugin(name="ours", summary="", config=Config, open=open_source)]

@hookimpl
def ztoq_sinks():
    return [SinkPlugin(name="ours", summary="", config=Config, open=open_sink)]

@hookimpl
def ztoq_transformers():
    return [TransformerPlugin(name="change", summary="", config=Config, build=build)]
"""


@attrs.frozen
class Fault:
    """A fault, the exit code, and the words of the message or of the record's reason."""

    body: str
    code: int
    said: tuple[str, ...]
    record: str = ""
    more: str = ""


def in_class(name: str, method: str, body: str, arguments: str = "self, *given") -> str:
    return f"class Faulty({name}):\n    {method}({arguments}):\n        {body}\n{name} = Faulty\n"


def raising(name: str, method: str) -> str:
    return in_class(name, f"async def {method}", "raise KeyError('id of it')")


FAULTS: Mapping[str, Fault] = {
    "source's open yields nothing": Fault(
        "",
        2,
        ("failed in open of the source 'ours'", "has no identity, kinds"),
        more="@asynccontextmanager\nasync def open_source(config, services):\n    yield",
    ),
    "sink's open raises": Fault(
        "",
        2,
        ("failed in open of the sink 'ours': KeyError: 'url'",),
        more="@asynccontextmanager\nasync def open_sink(config, services):\n"
        "    raise KeyError('url')\n    yield",
    ),
    "source's close raises": Fault(
        "",
        3,
        ("failed in close of the source 'ours': KeyError: 'session'",),
        more="@asynccontextmanager\nasync def open_source(config, services):\n"
        "    yield OurSource(PROJECT, CONTENTS)\n    raise KeyError('session')",
    ),
    "source's check raises": Fault(
        raising("OurSource", "check"), 2, ("failed in check of its project: KeyError: 'id of it'",)
    ),
    "source's describe raises": Fault(
        raising("OurSource", "describe"), 2, ("failed in describe of its project: KeyError",)
    ),
    "source's describe gives nothing": Fault(
        in_class("OurSource", "async def describe", "return None"),
        2,
        ("failed in describe", "it gave NoneType, not a Schema"),
    ),
    "source's fetch raises": Fault(
        raising("OurSource", "fetch"), 1, ("failed in fetch of the list of test_case: KeyError",)
    ),
    "source's complete raises": Fault(
        raising("OurSource", "complete"),
        1,
        ("failed in complete of test_case ACME-T1: KeyError: 'id of it'",),
        record="ACME-T1",
    ),
    "sink has no marks": Fault(
        "OurSink.marks = None", 2, ("OurSink, which it gave, has no marks",)
    ),
    "sink's write is not async": Fault(
        in_class("OurSink", "def write", "return 1", "self, record, target_id, links, content"),
        2,
        ("write() that is not declared with async def",),
    ),
    "sink's check gives one finding": Fault(
        in_class("OurSink", "async def check", "return Finding(level='info', text='x')"),
        2,
        ("failed in check", "not a tuple of Finding"),
    ),
    "sink's describe raises": Fault(
        raising("OurSink", "describe"), 3, ("failed in describe of its project: KeyError",)
    ),
    "sink's marks raises": Fault(
        raising("OurSink", "marks"), 3, ("failed in marks of all folder: KeyError: 'id of it'",)
    ),
    "sink's write raises": Fault(
        raising("OurSink", "write"),
        1,
        ("failed in write of folder ACME-F1: KeyError: 'id of it'",),
        record="ACME-F1",
    ),
    "build raises": Fault(
        "def build(config, context):\n    raise KeyError('mapping')",
        3,
        ("failed in build of the transformer 'change': KeyError: 'mapping'",),
    ),
    "build gives nothing": Fault(
        "def build(config, context):\n    return None",
        3,
        ("failed in build of the transformer 'change'", "it gave NoneType, not a function"),
    ),
    "transformer raises": Fault(
        "def change(record):\n    return record.nothing_like_it",
        1,
        ("failed in the mapping of test_case ACME-T1: AttributeError",),
        record="ACME-T1",
    ),
    "transformer gives nothing": Fault(
        "def change(record):\n    return None",
        1,
        ("it gave NoneType, not a record",),
        record="ACME-T1",
    ),
    "transformer is async": Fault(
        "async def change(record):\n    return record",
        1,
        ("it gave coroutine, not a record",),
        record="ACME-T1",
    ),
    "transformer changes the key": Fault(
        "def change(record):\n    return attrs.evolve(record, key=record.key + 'x')",
        1,
        ("it gave test_case ACME-T1x instead",),
        record="ACME-T1",
    ),
    "transformer gives text as labels": Fault(
        "def change(record):\n    return attrs.evolve(record, labels='smoke') "
        "if isinstance(record, TestCase) else record",
        1,
        ("a property has another type",),
        record="ACME-T1",
    ),
    "transformer gives a number as the name": Fault(
        "def change(record):\n    return attrs.evolve(record, name=3) "
        "if isinstance(record, TestCase) else record",
        1,
        ("a property has another type",),
        record="ACME-T1",
    ),
}


def migrated(ztoq: Program, body: str, more: str = "") -> Said:
    (ztoq.folder / "acme.py").write_text(TEMPLATE.format(body=body, more=more))
    (ztoq.folder / "ztoq.toml").write_text(
        'plugins = ["./acme.py"]\n[source]\nuse = "ours"\n[sink]\nuse = "ours"\n'
        '[[transform]]\nuse = "change"\n'
    )
    return ztoq("migrate")


def test_without_a_fault_all_arrives(ztoq: Program) -> None:
    assert migrated(ztoq, "").code == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_plugin_is_named_and_never_green(ztoq: Program, fault: str) -> None:
    case = FAULTS[fault]

    said = migrated(ztoq, case.body, case.more)

    assert said.code == case.code, said.err
    told = ztoq("explain", case.record).out if case.record else said.out + said.err
    words = " ".join(told.split())
    for each in case.said:
        assert each in words
    assert "acme.py" in words
    assert "internal fault in ztoq" not in words
