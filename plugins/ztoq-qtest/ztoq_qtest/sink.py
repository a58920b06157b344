"""The sink that the engine calls. It passes each kind of record to the module that handles it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs

from ztoq_core.plugin import (
    AccessError,
    Client,
    Content,
    Finding,
    Found,
    Kind,
    Links,
    Mark,
    MarkPage,
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
from ztoq_qtest.api.auth import PasswordGrant, pasted
from ztoq_qtest.api.object_types import object_ref
from ztoq_qtest.api.project import FORBIDDEN, MISSING, Project
from ztoq_qtest.calls import QtestCallTally, forecast
from ztoq_qtest.capabilities import check, describe
from ztoq_qtest.config import QtestConfig
from ztoq_qtest.escaping import escape_texts
from ztoq_qtest.fields.definitions_file import OBJECTS, to_document
from ztoq_qtest.fields.settings import Settings
from ztoq_qtest.note_codes import ADDRESS_REFUSED
from ztoq_qtest.objects.marks import find_keys
from ztoq_qtest.read.dependents import list_dependents
from ztoq_qtest.read.find import find
from ztoq_qtest.read.mark_lists import LISTED_BY_OWNER, list_marks
from ztoq_qtest.read.object_lists import list_objects
from ztoq_qtest.read.records import read_current, read_record
from ztoq_qtest.write.attachments import delete_file, write_file
from ztoq_qtest.write.cases import finish_case, write_case
from ztoq_qtest.write.execution import write_cycle, write_plan, write_run
from ztoq_qtest.write.field_definitions import delete_field, finish_field, write_field
from ztoq_qtest.write.folders import write_folder
from ztoq_qtest.write.logs import finish_log, write_log
from ztoq_qtest.write.requirements import write_requirement
from ztoq_qtest.write.save import Session, WriteRequest

NOT_ALLOWED = 405  # the contract's status for an object that cannot be deleted by itself

# Any: the kind determines the type of the record, which the type of a table cannot express
WRITERS: Mapping[Kind, Callable[[Session, Any, WriteRequest], Awaitable[Written]]] = {
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
FINISHERS: Mapping[Kind, Callable[[Session, Any, Written, Links], Awaitable[Written]]] = {
    Kind.FIELD: finish_field,
    Kind.TEST_CASE: finish_case,
    Kind.TEST_LOG: finish_log,
}


class QtestSink:
    """Writes one project of qTest Manager through its API v3."""

    def __init__(self, config: QtestConfig, client: Client, services: Services) -> None:
        """Use ``client``, which is bound to the site and carries the credentials."""
        project = Project(client=client, config=config, services=services)
        self._session = Session(project=project, settings=Settings(project=project))

    @property
    def identity(self) -> str:
        """The name under which the store remembers the project."""
        config = self._session.project.config
        return f"qtest {config.host} {config.project}"

    @property
    def listed_by_owner(self) -> Mapping[Kind, frozenset[Kind]]:
        """Logs are listed per run, files per object they are attached to."""
        return LISTED_BY_OWNER

    async def check(self) -> tuple[Finding, ...]:
        """Check credentials, project and permissions; writes nothing."""
        return await check(self._session)

    async def describe(self) -> Schema:
        """Return the project's fields, statuses and people, and what this sink can write."""
        return await describe(self._session)

    async def export_fields(self) -> Mapping[str, Any]:
        """Return the project's fields with their ids in the format of ``fields_file``."""
        settings = self._session.settings
        try:
            listed = {type_: await settings.list_raw_fields(type_) for type_ in OBJECTS}
        except RejectedError as error:
            if error.status != FORBIDDEN:
                raise
            raise AccessError(str(error), status=error.status) from error
        return to_document(self._session.project.config, listed)

    async def forecast(self) -> QtestCallTally:
        """Return a tally of the calls of a load, for ``ztoq plan``."""
        return await forecast(self._session)

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        """Return the objects that earlier writes of the record made, oldest first."""
        return await find(self._session, escape_texts(record), links)

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        """Return a page of the project's objects with their marks."""
        return await list_marks(self._session, kind, owners, cursor)

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Create the object, or update ``target_id``."""
        request = WriteRequest(target_id=target_id, links=links, content=content)
        return await WRITERS[record.kind](self._session, escape_texts(record), request)

    async def finish(self, record: Record, written: Written, links: Links) -> Written:
        """Complete a field, resolve addresses in texts, approve and link a case, link defects."""
        if record.text_refs or not isinstance(record, TestCase):  # else no text of it is sent
            record = escape_texts(record)
        if record.text_refs:
            made = resolved(record, links)
            try:
                written = await self._rewrite(record, made, written, links)
                record = made
            except (RejectedError, RecordError) as error:
                # The object exists with its first texts; what depends on it need not fail.
                text = (
                    f"its pictures and links lead nowhere; qTest refused their addresses: {error}"
                )
                note = ADDRESS_REFUSED.note(text)
                written = attrs.evolve(written, notes=(*written.notes, note))
        finisher = FINISHERS.get(record.kind)
        return await finisher(self._session, record, written, links) if finisher else written

    async def _rewrite(
        self, record: Record, made: Record, written: Written, links: Links
    ) -> Written:
        """Send the object again with qTest's addresses in place of ztoq's placeholders.

        Only the steps of a case that changed are sent, each by itself, so that the files of its
        steps stay where they are.
        """
        changed = frozenset[str]()
        if isinstance(record, TestCase) and isinstance(made, TestCase):
            pairs = zip(record.steps, made.steps, strict=True)
            changed = frozenset(new.key for old, new in pairs if old != new)
        request = WriteRequest(
            target_id=written.target_id, links=links, changed=changed, parts=written.parts
        )
        after = await WRITERS[made.kind](self._session, made, request)
        # The first write has noted everything already.
        return attrs.evolve(after, parts=after.parts or written.parts, notes=written.notes)

    async def read(self, kind: Kind, target_id: str) -> Record:
        """Return the object as qTest holds it now."""
        return await read_record(self._session, kind, target_id)

    async def read_list(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        """Return a page of the project's objects with all that their lists show."""
        return await list_objects(self._session, kind, owners, cursor)

    async def current(self, kind: Kind, target_id: str) -> Written | None:
        """Return an object with its current stamp, or None if it does not exist."""
        try:
            return await read_current(self._session, kind, target_id)
        except RejectedError as error:
            if error.status != MISSING:
                raise
            return None

    async def is_searchable(self, kind: Kind, written: Written) -> bool:
        """Return whether the search finds the object yet (vendor's document: 'id' in quotes)."""
        target = object_ref(kind, written.target_id)
        body = {"object_type": target.type, "fields": ["id"], "query": f"'id' = '{target.id}'"}
        answer = await self._session.project.send("POST", "search", body, repeatable=True)
        return any(each["id"] == target.id for each in answer.body["items"])

    async def children(
        self, kind: Kind, target_ids: Sequence[str]
    ) -> Mapping[str, tuple[Mark, ...]]:
        """Return the objects that deleting each object would delete too, or would break."""
        return await list_dependents(self._session, kind, target_ids)

    async def delete(self, kind: Kind, target_id: str) -> None:
        """Delete one object. Nothing is forced: qTest keeps a container that is not empty.

        Raises:
            RejectedError: qTest refuses; it is a log, which only goes with its run; or it is a
                requirement without a mark, which ztoq did not make.
        """
        project = self._session.project
        if kind is Kind.FIELD:
            return await delete_field(self._session, target_id)
        if kind is Kind.ATTACHMENT:
            return await delete_file(project, target_id)
        if kind is Kind.TEST_LOG:
            raise RejectedError(
                "qTest's API cannot delete a log; it is deleted with its run", status=NOT_ALLOWED
            )
        target = object_ref(kind, target_id)
        if kind is Kind.REQUIREMENT:
            fields = await self._session.settings.fields(target.type)
            if not find_keys(target.type, await project.get(target.path), fields, project.config):
                raise RejectedError(f"requirement {target_id} was not made by ztoq; it stays")
        await project.send("DELETE", target.path)
        return None


@asynccontextmanager
async def open_qtest(config: QtestConfig, services: Services) -> AsyncIterator[QtestSink]:
    """Open the sink with the config's credentials; revoke the tokens it obtained at the end."""
    probe = f"api/v3/projects/{config.project}"  # every user of the project may read it
    if config.token is not None:
        async with services.client(config, pasted(config.token), probe=probe) as client:
            yield QtestSink(config, client, services)
        return
    async with services.client(config) as plain:
        grant = PasswordGrant(plain, config)
        try:
            async with services.client(config, grant, probe=probe) as client:
                yield QtestSink(config, client, services)
        finally:
            await grant.revoke(services)
