"""A plugin with a source and a sink in memory, whose behaviour the config chooses.

What a sink holds outlives the command, under the sink's ``name``.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.engine.deleting import Deleting
from ztoq_core.plugin import (
    AccessError,
    ConfigError,
    Connection,
    FieldType,
    Finding,
    Kind,
    Level,
    Page,
    Record,
    Reject,
    RejectedError,
    RetryableError,
    Right,
    Schema,
    Secret,
    Services,
    Sink,
    SinkPlugin,
    Source,
    SourcePlugin,
    TestCase,
    Transform,
    TransformContext,
    TransformerPlugin,
    hookimpl,
)
from ztoq_core.records import LossGroup, NoteCode

SINKS: dict[str, MemorySink] = {}


class Surprise(Exception):  # noqa: N818 - nobody's error class
    pass


def misbehave(how: str) -> None:
    """Do what the config asks for."""
    match how:
        case "refused":
            raise AccessError("Memory: GET project answered 401: token expired", status=401)
        case "not there":
            raise RejectedError("Memory: GET project answered 404", status=404)
        case "silent":
            raise RetryableError("Memory: nobody answers")
        case "surprise":
            raise Surprise("secret payload")
        case "full":
            raise OSError(28, "No space left on device")
        case "interrupt":
            signal.raise_signal(signal.SIGINT)
        case "interrupt twice":
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)


@attrs.frozen(kw_only=True)
class Beside(Connection):
    """What knows more than memory does."""

    base_url: str = ""
    email: str | None = None
    token: Secret | None = None
    people: Path | None = None


@attrs.frozen(kw_only=True)
class SourceConfig:
    project: str
    token: Secret | None = None
    at_check: str = ""
    at_cycles: str = ""
    hostile: str = ""
    finding: str = ""
    without: tuple[str, ...] = ()
    beside: Beside | None = None


ONCE = NoteCode("once", Level.CHANGE, LossGroup.REMARK, "what happened once")


class Misbehaving(MemorySource):
    def __init__(self, config: SourceConfig, services: Services) -> None:
        super().__init__((each for each in PROJECT if each.key not in config.without), CONTENTS)
        self.config = config
        self.services = services
        self.identity = f"memory {config.project}"

    async def check(self) -> tuple[Finding, ...]:
        misbehave(self.config.at_check)
        found = [Finding(level="info", text="Memory does not show archived cases")]
        if self.config.finding:
            found.append(Finding(level=self.config.finding, text="The licence ends tomorrow"))
        return tuple(found)

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        if kind is Kind.TEST_CYCLE:
            misbehave(self.config.at_cycles)
        if kind is Kind.TEST_CASE and self.config.hostile:
            return self._with_hostile(await super().fetch(kind, cursor))
        if kind is Kind.FOLDER:
            self.services.note(ONCE, "A list was read twice")
        return await super().fetch(kind, cursor)

    async def complete(self, record: Record) -> tuple[Record, ...]:
        if self.config.hostile and self.config.hostile in record.key:
            return (record,)
        return await super().complete(record)

    def _with_hostile(self, page: Page) -> Page:
        """Add a case whose key, name and text, and a reject whose reason, are ``hostile``."""
        text = self.config.hostile
        case = TestCase(key=f"ACME-{text}", name=text, status=text, labels=(text,))
        reject = Reject(kind=Kind.TEST_CASE, key=f"R{text}", reason=text, raw={text: text})
        return attrs.evolve(page, records=(*page.records, case), rejects=(reject,))


@asynccontextmanager
async def open_source(config: SourceConfig, services: Services) -> AsyncIterator[Source]:
    if config.token:
        config.token.reveal()
    yield Misbehaving(config, services)


SAID = NoteCode("said", Level.FALLBACK, LossGroup.REMARK, "what the config says")
LOSSES = {
    name: NoteCode(name, level, group, f"what is {name}")
    for name, level, group in (
        ("forgotten", Level.LOSS, LossGroup.LOST),
        ("unshown", Level.CHANGE, LossGroup.LOST),
        ("shortened", Level.CHANGE, LossGroup.CHANGED),
        ("tabled", Level.FALLBACK, LossGroup.MOVED),
    )
}
"""The losses that the config may name, by reason."""


@attrs.frozen(kw_only=True)
class SinkConfig:
    name: str
    token: Secret | None = None
    username: str | Secret | None = None
    password: Secret | None = None
    refuses: tuple[str, ...] = ()
    create_fields: bool = True
    fields_known: bool = True
    at_check: str = ""
    exports: str = ""
    says: str = ""
    loses: tuple[str, ...] = ()
    project: int = 1


@asynccontextmanager
async def open_sink(config: SinkConfig, services: Services) -> AsyncIterator[Sink]:
    if config.says:
        services.note(SAID, config.says)
    for number, name in enumerate(config.loses):
        services.note(LOSSES[name], f"loss {number}")
    sink = SINKS.setdefault(config.name, Deleting())
    sink.refuses = set(config.refuses)
    sink.schema = attrs.evolve(
        sink.schema,
        can_create_fields=config.create_fields,
        fields_known=config.fields_known,
    )
    misbehave(config.at_check)
    yield Exporting(sink, config.exports) if config.exports else sink


class Exporting:
    """A sink that hands over its fields, unless ``how`` says that it may not."""

    def __init__(self, sink: Sink, how: str) -> None:
        self.sink = sink
        self.how = how

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    async def export_fields(self) -> Mapping[str, Any]:
        if self.how == "forbidden":
            raise AccessError("Memory: GET fields answered 403", status=403)
        return {"fields": ["Gr\N{LATIN SMALL LETTER O WITH DIAERESIS}sse"]}


@attrs.frozen(kw_only=True)
class Suffix:
    suffix: str = ""
    finding: str = ""
    wrong: tuple[str, ...] = ()


def build(config: Suffix, _scene: TransformContext) -> Transform:
    def transform(record: Record) -> Record:
        fields = tuple(attrs.evolve(each, type=FieldType.TEXT) for each in record.fields)
        if isinstance(record, TestCase):
            return attrs.evolve(record, name=record.name + config.suffix, fields=fields)
        return attrs.evolve(record, fields=fields)

    return transform


def check(config: Suffix, _source: Schema, _sink: Schema) -> tuple[Finding, ...]:
    if config.wrong:
        raise ConfigError("\n".join(config.wrong))
    return (Finding(level=config.finding, text="A mapping's remark"),) if config.finding else ()


@hookimpl
def ztoq_sources() -> Iterable[SourcePlugin[Any]]:
    yield SourcePlugin(
        name="memory",
        summary="Records in memory",
        config=SourceConfig,
        open=open_source,
        rights=(Right(("extract",), "remember", "nothing is read"),),
        note_codes=(ONCE,),
    )


@hookimpl
def ztoq_sinks() -> Iterable[SinkPlugin[Any]]:
    yield SinkPlugin(
        name="memory",
        summary="Records in memory",
        config=SinkConfig,
        open=open_sink,
        rights=(Right(("load", "validate"), "learn", "nothing is written"),),
        side_effects=("Memory fills.",),
        note_codes=(SAID, *LOSSES.values()),
    )


@hookimpl
def ztoq_transformers() -> Iterable[TransformerPlugin[Any]]:
    yield TransformerPlugin(
        name="suffix", summary="Adds to names", config=Suffix, build=build, check=check
    )
