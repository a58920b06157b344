"""Plugins with every kind of setting, and a reader of their config."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs
import pytest

from ztoq_core.errors import ConfigError
from ztoq_core.plugin import (
    Connection,
    Kind,
    MappingError,
    Record,
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
from ztoq_core.plugins import Plugins
from ztoq_core.settings import config


class Mode(StrEnum):
    FAST = "fast"
    SLOW = "slow"


@attrs.frozen(kw_only=True)
class Account:
    user: str = ""
    password: Secret | None = None


@attrs.frozen(kw_only=True)
class Beside(Connection):
    base_url: str = ""
    token: Secret | None = None
    people: Path | None = None


@attrs.frozen(kw_only=True)
class Remote(Connection):
    project: str
    token: Secret
    mode: Mode | None = None
    since: date | None = None
    files: tuple[str, ...] = ("cases", "cycles")
    accounts: tuple[Account, ...] = ()
    beside: Beside | None = None


@attrs.frozen(kw_only=True)
class Target:
    path: Path = Path("out")
    project: int = 1
    create_fields: bool = False
    secret: Secret | None = None
    limits: dict[str, int] = attrs.field(factory=dict)
    kinds: frozenset[Kind] = frozenset()
    names: Sequence[str] = ()

    def __attrs_post_init__(self) -> None:
        if self.project < 0:
            raise ValueError("project must not be negative")


@attrs.frozen(kw_only=True)
class Rename:
    suffix: str = "!"
    mapping: Path | None = None


@asynccontextmanager
async def open_source(_config: object, _services: Services) -> AsyncIterator[Source]:
    raise NotImplementedError
    yield


@asynccontextmanager
async def open_sink(_config: object, _services: Services) -> AsyncIterator[Sink]:
    raise NotImplementedError
    yield


def rename(settings: Rename, scene: TransformContext) -> Transform:
    def transform(record: Record) -> Record:
        if not isinstance(record, TestCase):
            raise MappingError("only cases")
        fields = "".join(each.name for each in scene.source.fields)
        return attrs.evolve(record, name=record.name + fields + settings.suffix)

    return transform


class Shop:
    @hookimpl
    def ztoq_sources(self) -> Iterable[SourcePlugin[Any]]:
        yield SourcePlugin(name="remote", summary="", config=Remote, open=open_source)

    @hookimpl
    def ztoq_sinks(self) -> Iterable[SinkPlugin[Any]]:
        yield SinkPlugin(name="target", summary="", config=Target, open=open_sink)

    @hookimpl
    def ztoq_transformers(self) -> Iterable[TransformerPlugin[Any]]:
        pairs = (("remote", "target"),)
        yield TransformerPlugin(
            name="rename", summary="", config=Rename, build=rename, default_for=pairs
        )
        yield TransformerPlugin(
            name="adjust", summary="", config=Rename, build=rename, keeps_default=True
        )


GOOD = """
[source]
use = "remote"
base_url = "https://example.com/v2/"
project = "ACME"
token = { env = "MY_TOKEN" }
[sink]
use = "target"
"""


@attrs.frozen
class Reader:
    folder: Path
    plugins: Plugins

    def __call__(self, text: str, **options: dict[str, Any]) -> config.Config:
        path = self.folder / "acme.toml"
        path.write_text(text, encoding="utf-8")
        return config.read(path, self.plugins, options)

    def refused(self, text: str) -> list[str]:
        """Return the lines of the refusal, without the name of the file."""
        with pytest.raises(ConfigError) as caught:
            self(text)
        prefix = f"{self.folder / 'acme.toml'}: "
        return [line.removeprefix(prefix) for line in str(caught.value).splitlines()]
