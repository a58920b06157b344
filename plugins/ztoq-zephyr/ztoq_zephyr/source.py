"""Reads one project of Zephyr Scale Cloud or Zephyr Essential."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import attrs

from ztoq_core.plugin import (
    Attachment,
    Client,
    Download,
    FieldSpec,
    FieldType,
    Finding,
    IdKind,
    Kind,
    Page,
    Record,
    Ref,
    Reject,
    ResolvedName,
    Schema,
    Services,
)
from ztoq_zephyr.api import GONE, Api, path_of
from ztoq_zephyr.attachments import Attachments
from ztoq_zephyr.checks import check
from ztoq_zephyr.config import ZephyrConfig
from ztoq_zephyr.credentials import BearerAuth
from ztoq_zephyr.directory import IdDirectory
from ztoq_zephyr.execution import ExecutionPolicy
from ztoq_zephyr.lookups import Lookups
from ztoq_zephyr.note_codes import KEY_CHANGED, UNLISTED
from ztoq_zephyr.pictures import Pictures
from ztoq_zephyr.record_completer import RecordCompleter
from ztoq_zephyr.record_lists import RecordLists
from ztoq_zephyr.values import project_of, whole

OK = 200
KINDS = (Kind.FOLDER, Kind.TEST_CASE, Kind.TEST_PLAN, Kind.TEST_CYCLE, Kind.TEST_LOG)
STATUS_TYPES = {
    Kind.TEST_CASE: "TEST_CASE",
    Kind.TEST_PLAN: "TEST_PLAN",
    Kind.TEST_CYCLE: "TEST_CYCLE",
    Kind.TEST_LOG: "TEST_EXECUTION",
}


class ZephyrSource:
    """A project of Zephyr, read over an open client. Implements ``Source`` and ``Directory``."""

    def __init__(
        self,
        config: ZephyrConfig,
        services: Services,
        client: Client,
        auth: BearerAuth,
        names: IdDirectory | None = None,
    ) -> None:
        self._config = config
        self._services = services
        self._auth = auth
        self._directory = names or IdDirectory()
        self._api = Api(client, config.project, config.page_size)
        self._lookups = Lookups(self._api, services, config.project)
        self._files = Attachments(self._api, services, config)
        self._pictures = Pictures(config, self._files, names.jira if names else None)
        self._lists = RecordLists(self._api, self._lookups, services, config.project)
        policy = ExecutionPolicy(config.executed, config.unexecuted)
        self._completer = RecordCompleter(self._api, self._lookups, services, self._files, policy)

    @property
    def identity(self) -> str:
        """Return product, host and project; the host shows the region."""
        return f"zephyr {urlsplit(self._config.base_url).hostname} {self._config.project}"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds that are listed. Pages of executions carry their runs too."""
        return KINDS

    @property
    def completes(self) -> frozenset[Kind]:
        """Return the kinds that need calls of their own."""
        return frozenset(KINDS) - {Kind.FOLDER}

    async def check(self) -> tuple[Finding, ...]:
        """Check token, address, project and where names come from; as ``Source.check``."""
        findings = await check(self._api, self._auth, self._config)
        return (*findings, *(await self._directory.check()))

    @property
    def advice(self) -> str:
        """What people can do about unknown ids; as ``Directory.advice``."""
        return self._directory.advice

    def at_hand(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return the names that CSV files have for these ids; as ``Directory.at_hand``."""
        return self._directory.at_hand(topic, ids)

    async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return the names that Jira has for these ids; as ``Directory.look_up``."""
        return await self._directory.look_up(topic, ids)

    async def describe(self) -> Schema:
        """Return the choices that Zephyr lists; it does not show definitions of custom fields."""
        statuses = await self._lookups.statuses()
        fields = [
            _choice(kind, "status", statuses.of_type.get(name, ()))
            for kind, name in STATUS_TYPES.items()
        ]
        priorities = await self._lookups.names("priorities")
        environments = await self._lookups.names("environments")
        fields += [
            _choice(Kind.TEST_CASE, "priority", tuple(dict.fromkeys(priorities.values()))),
            _choice(Kind.TEST_RUN, "environment", tuple(dict.fromkeys(environments.values()))),
        ]
        return Schema(
            fields=tuple(fields),
            statuses=statuses.of_type.get("TEST_EXECUTION", ()),
            kinds=frozenset({*KINDS, Kind.TEST_RUN, Kind.ATTACHMENT}),
        )

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        """Return a page; as ``Source.fetch``."""
        return await self._lists.fetch(kind, cursor)

    async def changed_since(self, kind: Kind, since: datetime, cursor: str | None) -> Page:
        """Return a page of the updated objects; as ``ChangedSince.changed_since``."""
        # Zephyr leaves out those that were updated at that very moment
        return await self._lists.fetch(kind, cursor, since - timedelta(seconds=1))

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the record with steps, results and links, then its files."""
        return await self._completer.complete(record)

    async def resolve(self, ref: Ref) -> tuple[Record, ...] | Reject:
        """Return what no list has (of another project, archived, created since), or a reject."""
        if ref.kind is Kind.FOLDER:
            number = whole(ref.key.rpartition("-F")[2])
            folder = None if number is None else await self._lists.folder(number)
            if folder is None:
                return Reject(kind=ref.kind, key=ref.key, reason="Zephyr does not show this folder")
            return (folder,)
        ways: dict[Kind, tuple[str, Callable[[Mapping[str, Any]], Awaitable[tuple[Record, ...]]]]]
        ways = {
            Kind.TEST_CASE: ("testcases", self._lists.case),
            Kind.TEST_PLAN: ("testplans", self._lists.plan),
            Kind.TEST_CYCLE: ("testcycles", self._lists.cycle),
        }
        if ref.kind not in ways:
            return Reject(kind=ref.kind, key=ref.key, reason="Zephyr cannot be asked for it")
        path, make = ways[ref.kind]
        if not project_of(ref.key):
            return Reject(kind=ref.kind, key=ref.key, reason="Zephyr does not show its key")
        answer = await self._api.get(path_of(path, ref.key), accept=GONE)
        if answer.status != OK:
            reason = f"Zephyr answers {answer.status} to GET {path_of(path, ref.key)}"
            return Reject(kind=ref.kind, key=ref.key, reason=reason, raw=answer.body)
        *around, record = await make(answer.body)
        if project_of(ref.key) == self._config.project:
            self._services.note(
                UNLISTED,
                "is used but on no list of Zephyr's API (archived, or created since); read alone",
                ref,
            )
        completed, *revealed = await self.complete(_named(record, ref))
        return (completed, *around, *revealed)

    def picture(self, file: Attachment) -> AsyncIterator[bytes] | None:
        """Yield a picture from Zephyr or the Jira site; as ``Pictures.picture``."""
        return self._pictures.open(file)

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content of a file; as ``Source.download``."""
        async for chunk in self._files.download(attachment):
            yield chunk

    def open_file(self, attachment: Attachment) -> AbstractAsyncContextManager[Download]:
        """Open a file so that it is sent on while it is read; as ``Streams.open_file``."""
        return self._files.open(attachment)


def _choice(kind: Kind, name: str, values: tuple[str, ...]) -> FieldSpec:
    return FieldSpec(kind=kind, name=name, type=FieldType.CHOICE, values=values, system=True)


def _named(record: Record, ref: Ref) -> Record:
    """Return the record under the key that others call it by."""
    if record.key == ref.key:
        return record
    note = KEY_CHANGED.note(f"in Zephyr it has the key {record.key}")
    return attrs.evolve(record, key=ref.key, notes=(*record.notes, note))
