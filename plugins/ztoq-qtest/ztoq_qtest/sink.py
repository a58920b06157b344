"""The sink that the engine talks to: it hands each kind to the module that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import attrs

from ztoq_core.plugin import (
    AccessError,
    Client,
    Content,
    Finding,
    Found,
    Kind,
    Level,
    Links,
    Mark,
    MarkPage,
    Note,
    Owner,
    Record,
    RecordError,
    RejectedError,
    Schema,
    Services,
    TestCase,
    Written,
    resolved,
)
from ztoq_qtest.api.auth import PasswordGrant, StaticToken
from ztoq_qtest.api.object_types import place_of
from ztoq_qtest.api.project import FORBIDDEN, MISSING, Project
from ztoq_qtest.capabilities import check, describe
from ztoq_qtest.config import QtestConfig
from ztoq_qtest.escaping import safe_texts
from ztoq_qtest.fields.definitions_file import OBJECTS, document
from ztoq_qtest.fields.settings import Settings
from ztoq_qtest.objects.marks import keys_of
from ztoq_qtest.read.contents import contents
from ztoq_qtest.read.find import find
from ztoq_qtest.read.mark_lists import LISTED_BY_OWNER, list_marks
from ztoq_qtest.read.records import look, read
from ztoq_qtest.write.attachments import delete_file, write_file
from ztoq_qtest.write.cases import finish_case, write_case
from ztoq_qtest.write.execution import write_cycle, write_plan, write_run
from ztoq_qtest.write.field_definitions import delete_field, finish_field, write_field
from ztoq_qtest.write.folders import write_folder
from ztoq_qtest.write.logs import finish_log, write_log
from ztoq_qtest.write.requirements import write_requirement
from ztoq_qtest.write.save import Desk, Job

__all__ = ["QtestSink", "open_qtest"]

NOT_ALLOWED = 405  # as the contract has it for what cannot be deleted by itself

# the record's type follows from its kind; a table cannot say so
WRITERS: Mapping[Kind, Callable[[Desk, Any, Job], Awaitable[Written]]] = MappingProxyType(
    {
        Kind.FIELD: write_field,
        Kind.FOLDER: write_folder,
        Kind.REQUIREMENT: write_requirement,
        Kind.TEST_CASE: write_case,
        Kind.TEST_PLAN: write_plan,
        Kind.TEST_CYCLE: write_cycle,
        Kind.TEST_RUN: write_run,
        Kind.TEST_LOG: write_log,
        Kind.ATTACHMENT: write_file,
    }
)
FINISHERS: Mapping[Kind, Callable[[Desk, Any, Written, Links], Awaitable[Written]]] = (
    MappingProxyType(
        {Kind.FIELD: finish_field, Kind.TEST_CASE: finish_case, Kind.TEST_LOG: finish_log}
    )
)


class QtestSink:
    """Writes one project of qTest Manager by its API v3."""

    def __init__(self, config: QtestConfig, client: Client, services: Services) -> None:
        """Use ``client``, which is bound to the site and carries the credentials."""
        project = Project(client=client, config=config, services=services)
        self._desk = Desk(project=project, settings=Settings(project=project))

    @property
    def identity(self) -> str:
        """What the store remembers the project by."""
        config = self._desk.project.config
        return f"qtest {config.host} {config.project}"

    @property
    def listed_by_owner(self) -> Mapping[Kind, frozenset[Kind]]:
        """Logs are listed by run, files by what they hang on."""
        return LISTED_BY_OWNER

    async def check(self) -> tuple[Finding, ...]:
        """Try credentials, project and permissions without a write."""
        return await check(self._desk)

    async def describe(self) -> Schema:
        """Return what the project offers."""
        return await describe(self._desk)

    async def export_fields(self) -> Mapping[str, Any]:
        """Return the project's fields with their ids, as ``fields_file`` takes them."""
        settings = self._desk.settings
        try:
            listed = {type_: await settings.raw_fields(type_) for type_ in OBJECTS}
        except RejectedError as error:
            if error.status != FORBIDDEN:
                raise
            raise AccessError(str(error), status=error.status) from error
        return document(self._desk.project.config, listed)

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        """Return earlier writes of the record, oldest first."""
        return await find(self._desk, record, links)

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        """Return a page of what stands in the project."""
        return await list_marks(self._desk, kind, owners, cursor)

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Create the object, or update the one called ``target_id``."""
        job = Job(target_id=target_id, links=links, content=content)
        return await WRITERS[record.kind](self._desk, safe_texts(record), job)

    async def finish(self, record: Record, written: Written, links: Links) -> Written:
        """Complete a field, resolve addresses in texts, approve and link a case, link defects."""
        record = safe_texts(record)
        if record.refers:
            made = resolved(record, links)
            try:
                written = await self._rewrite(record, made, written, links)
                record = made
            except (RejectedError, RecordError) as error:
                # the object stays as it is, and what hangs on it goes on
                text = f"its pictures and links keep addresses that lead nowhere: {error}"
                note = Note(level=Level.LOSS, code="address-refused", text=text)
                written = attrs.evolve(written, notes=(*written.notes, note))
        finisher = FINISHERS.get(record.kind)
        return await finisher(self._desk, record, written, links) if finisher else written

    async def _rewrite(
        self, record: Record, made: Record, written: Written, links: Links
    ) -> Written:
        """Send the object again with the target's own addresses; until then it holds ztoq's.

        Of a case's steps only those that changed are sent, each by itself: so the files of all need
        not move.
        """
        changed = frozenset[str]()
        if isinstance(record, TestCase) and isinstance(made, TestCase):
            pairs = zip(record.steps, made.steps, strict=True)
            changed = frozenset(new.key for old, new in pairs if old != new)
        job = Job(target_id=written.target_id, links=links, changed=changed, parts=written.parts)
        after = await WRITERS[made.kind](self._desk, made, job)
        # what there is to note was noted when it was written
        return attrs.evolve(after, parts=after.parts or written.parts, notes=written.notes)

    async def read(self, kind: Kind, target_id: str) -> Record:
        """Return what qTest holds now."""
        return await read(self._desk, kind, target_id)

    async def look(self, kind: Kind, target_id: str) -> Written | None:
        """Return an object with the stamp that it has now, None where it is not there."""
        try:
            return await look(self._desk, kind, target_id)
        except RejectedError as error:
            if error.status != MISSING:
                raise
            return None

    async def searchable(self, kind: Kind, written: Written) -> bool:
        """Whether POST search shows the object yet (vendor's document: by 'id', in quotes)."""
        place = place_of(kind, written.target_id)
        body = {"object_type": place.type, "fields": ["id"], "query": f"'id' = '{place.id}'"}
        answer = await self._desk.project.send("POST", "search", body, repeatable=True)
        return any(each["id"] == place.id for each in answer.body["items"])

    async def contents(
        self, kind: Kind, target_ids: Sequence[str]
    ) -> Mapping[str, tuple[Mark, ...]]:
        """Return what the deletion of each object would take along or harm."""
        return await contents(self._desk, kind, target_ids)

    async def delete(self, kind: Kind, target_id: str) -> None:
        """Delete one object, never by force: a container with something in it stays.

        Raises:
            RejectedError: qTest keeps it; a log goes only with its run, and a requirement that
                bears no mark is not ztoq's.
        """
        project = self._desk.project
        if kind is Kind.FIELD:
            return await delete_field(self._desk, target_id)
        if kind is Kind.ATTACHMENT:
            return await delete_file(project, target_id)
        if kind is Kind.TEST_LOG:
            raise RejectedError(
                "qTest's API deletes no log; it goes with its run", status=NOT_ALLOWED
            )
        place = place_of(kind, target_id)
        if kind is Kind.REQUIREMENT:
            fields = await self._desk.settings.fields(place.type)
            if not keys_of(place.type, await project.get(place.path), fields, project.config):
                raise RejectedError(f"requirement {target_id} was there before; it stays")
        await project.send("DELETE", place.path)
        return None


@asynccontextmanager
async def open_qtest(config: QtestConfig, services: Services) -> AsyncIterator[QtestSink]:
    """Open the sink with the credentials of the config; tokens that it obtained are revoked."""
    probe = f"api/v3/projects/{config.project}"  # whoever may work in the project may read it
    if config.token is not None:
        async with services.client(config, StaticToken(config.token), probe=probe) as client:
            yield QtestSink(config, client, services)
        return
    async with services.client(config) as plain:
        grant = PasswordGrant(plain, config)
        try:
            async with services.client(config, grant, probe=probe) as client:
                yield QtestSink(config, client, services)
        finally:
            await grant.revoke(services)
