"""Finds out what the token may do and what the project offers; writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from ztoq_core.plugin import (
    AccessError,
    ConfigError,
    FieldSpec,
    FieldType,
    Finding,
    Folder,
    Kind,
    RejectedError,
    Schema,
    Tree,
)
from ztoq_qtest.api.object_types import FIELD_OWNERS, ROOT_CASES, ROOT_CYCLES
from ztoq_qtest.api.project import FORBIDDEN, MISSING, OK
from ztoq_qtest.fields.encoding import BOX_LENGTH, fit, index_people
from ztoq_qtest.fields.field import Field
from ztoq_qtest.fields.settings import READ_ONLY, FieldSet
from ztoq_qtest.write.execution import PLANNED
from ztoq_qtest.write.save import Session
from ztoq_qtest.write.steps import STEP_FIELD_TYPES, step_fields

SHOWN = 10
UNAUTHORISED = 401
ASK_AGAIN = (
    "qTest refused the token. Sign in to the site, open Resources > API & SDK, copy the token"
    " there and set it again."
)
# the rights that ztoq needs, by the keys of UserProfile (vendor's document)
NEEDED: Mapping[str, tuple[str, ...]] = {
    "module": ("create", "edit"),
    "requirement": ("create",),
    "test_case": ("create", "edit"),
    "release": ("create",),
    "test_cycle": ("create",),
    "test_suite": ("create",),
    "test_run": ("create", "execute"),
}
# system fields that ztoq sends under other keys of the request, or that qTest fills itself
FILLED = frozenset({"name", "title", "id", "status", "shared"})
TEXTS: Mapping[Kind, frozenset[str]] = {
    Kind.REQUIREMENT: frozenset({"description"}),
    Kind.TEST_CASE: frozenset({"description", "precondition"}),
    Kind.TEST_PLAN: frozenset({"description", "note", "start date", "end date"}),
}
# default labels of system fields whose original name differs from the label
DEFAULT_LABELS: Mapping[str, str] = {
    "AssignedTo": "Assigned To",
    **dict.fromkeys(PLANNED["start"], PLANNED["start"][-1]),
    **dict.fromkeys(PLANNED["end"], PLANNED["end"][-1]),
}
# labels of system fields in qTest's manual and in published samples; customers may change them
# (guess: few do)
USUAL: Mapping[Kind, tuple[str, ...]] = {
    Kind.REQUIREMENT: ("Description", "Status", "Priority", "Assigned To"),
    Kind.TEST_CASE: (
        "Description",
        "Precondition",
        "Status",
        "Type",
        "Priority",
        "Automation",
        "Assigned To",
    ),
    Kind.TEST_PLAN: ("Status",),
    Kind.TEST_CYCLE: ("Description", "Planned Start Date", "Planned End Date", "Assigned To"),
    Kind.TEST_RUN: ("Status", "Planned Start Date", "Planned End Date", "Assigned To"),
}


async def check(session: Session) -> tuple[Finding, ...]:
    """Check credentials, project and permissions.

    Raises:
        AccessError: qTest refuses the credentials.
        ConfigError: The project does not exist, or the base URL is not that of a qTest site.
    """
    project = await _project(session)
    name = project.get("name") or session.project.config.project
    findings = [Finding(level="info", text=f"qTest project {name!r} can be reached")]
    findings += await _permissions(session)
    await session.settings.read_fields()  # reports an unusable file even if it is not needed
    for type_ in dict.fromkeys(FIELD_OWNERS.values()):
        if not (await session.settings.fields(type_)).known:
            text = (
                "this token may not list the fields of the project (it needs the right to manage "
                "field settings, or a project administrator); without them every value becomes "
                "text. Use another token, set fields_file (see `ztoq config fields`), or run with "
                "--accept-missing-fields"
            )
            findings.append(Finding(level="error", text=text, later=True))
            break
    statuses = await session.settings.statuses()
    if not statuses:
        findings.append(
            Finding(
                level="error",
                text="the project has no execution statuses; ask its administrator for some",
            )
        )
    if not await session.settings.users():
        text = "the users of the project cannot be listed; names of people become text"
        findings.append(Finding(level="warning", text=text))
    return tuple(findings)


async def _project(session: Session) -> Mapping[str, Any]:
    config = session.project.config
    try:
        found: Mapping[str, Any] = await session.project.get("")
    except (AccessError, RejectedError) as error:
        if error.status in {None, MISSING}:
            raise await _no_project(session, "does not exist") from error
        if error.status == FORBIDDEN:
            raise await _no_project(session, "is not open to this user") from error
        if error.status == UNAUTHORISED:
            raise AccessError(f"{error}. {ASK_AGAIN}", status=error.status) from error
        if error.status == OK:
            text = f"base_url {config.base_url!r} does not answer as qTest does: {error}"
            raise ConfigError(text) from error
        raise
    return found


async def _no_project(session: Session, why: str) -> ConfigError:
    """Return the error for a project that cannot be read, or for a wrong URL."""
    config = session.project.config
    try:
        found = await session.project.client.get("api/v3/projects")
    except RejectedError:
        found = None
    if not isinstance(found, list):
        return ConfigError(
            f"base_url {config.base_url!r} is not a qTest site; set the address of the site alone, "
            "like https://acme.qtestnet.com"
        )
    names = ", ".join(f"{each.get('id')} {each.get('name')!r}" for each in found[:SHOWN])
    return ConfigError(
        f"project {config.project} {why} on {config.host} (this user's projects: {names or 'none'})"
    )


async def _profile(session: Session) -> Mapping[str, Any]:
    """Return the user's rights, or nothing if the site does not show them; ztoq then just tries."""
    try:
        return dict(await session.project.get("user-profiles/current"))
    except AccessError as error:
        if error.status != FORBIDDEN:
            raise
    except RejectedError:
        pass
    return {}


async def _permissions(session: Session) -> list[Finding]:
    profile = await _profile(session)
    if not profile:
        return [Finding(level="info", text="the user's permissions cannot be read")]
    config = session.project.config
    missing = [
        f"{right} {name.replace('_', ' ')}s"
        for name, rights in NEEDED.items()
        for right in (*rights, *(("approve",) if name == "test_case" else ()))
        if (profile.get(name) or {}).get(right) is False
        and not (right == "approve" and config.approve == "none")
    ]
    findings = []
    if missing:
        text = f"the user may not {', '.join(missing)}; ask the project's administrator"
        findings.append(Finding(level="error", text=text))
    if config.create_fields and not _manages(profile):
        text = (
            "create_fields is set, but the user may not manage the project's settings; ask the"
            " project's administrator for that right, or remove create_fields to get the list of"
            " fields for the administrator"
        )
        findings.append(Finding(level="error", text=text))
    return findings


def _manages(profile: Mapping[str, Any]) -> bool:
    # A right that the profile does not show may exist, so ztoq tries.
    return (profile.get("project_setting") or {}).get("manage") is not False


# ------------------------------------------------------------------------------------- describe


async def describe(session: Session) -> Schema:
    """Return the project's fields, statuses and people, and what this sink can write."""
    config, settings = session.project.config, session.settings
    async with asyncio.TaskGroup() as group:
        listed = {
            type_: group.create_task(settings.fields(type_))
            for type_ in dict.fromkeys(FIELD_OWNERS.values())
        }
        of_steps = group.create_task(step_fields(session))
        statuses = group.create_task(settings.statuses())
        users = group.create_task(settings.users())
        profile = group.create_task(_profile(session))
    sets = {type_: task.result() for type_, task in listed.items()}
    known = all(each.known for each in sets.values())
    marked = set(FIELD_OWNERS)
    files = {Kind.TEST_CASE, Kind.TEST_LOG, Kind.REQUIREMENT}
    if config.plans == "cycle":
        marked -= {Kind.TEST_PLAN}
    else:
        files.add(Kind.TEST_PLAN)
    return Schema(
        fields=tuple(
            spec
            for kind, type_ in FIELD_OWNERS.items()
            if kind is not Kind.TEST_LOG
            for spec in _specs(kind, sets[type_])
        ),
        step_fields=tuple(
            spec
            for spec in _specs(Kind.TEST_CASE, of_steps.result())
            if spec.type in STEP_FIELD_TYPES
        ),
        fields_known=known,
        can_create_fields=config.create_fields
        and all(each.known and each.live for each in sets.values())
        and _manages(profile.result()),
        statuses=tuple(each.name for each in statuses.result()),
        users=users.result(),
        finish_kinds=frozenset({Kind.FIELD, Kind.TEST_CASE, Kind.TEST_LOG}),
        attachable=frozenset(files),
        max_file_size=config.file_limit,
        roots=_roots(session),
        goes_with_owner=frozenset({Kind.ATTACHMENT, Kind.TEST_LOG}),
        mark_field=config.key_field,
        mark_kinds=frozenset(marked - {Kind.TEST_LOG}),
        assumed_fields=frozenset(
            (kind, label)
            for kind, labels in USUAL.items()
            for label in labels
            if not sets[FIELD_OWNERS[kind]].known
        ),
        field_owner={Kind.TEST_LOG: Kind.TEST_RUN},
        search_lag=config.search_lag,
        fits=partial(fit, people=index_people(users.result())),
    )


def _specs(kind: Kind, fields: FieldSet) -> list[FieldSpec]:
    return [_spec(kind, field) for field in fields.fields if _offered(field)]


def _offered(field: Field) -> bool:
    return field.active and field.label.casefold() not in READ_ONLY


def _spec(kind: Kind, field: Field) -> FieldSpec:
    choices = field.type in {FieldType.CHOICE, FieldType.MULTI_CHOICE}
    names = {field.label.casefold(), field.original.casefold()} if field.system else set()
    filled = FILLED | TEXTS.get(kind, frozenset())
    return FieldSpec(
        kind=kind,
        name=field.label,
        type=field.type,
        required=field.required,
        multiple=field.multiple,
        system=field.system,
        default=field.default or bool(names & filled),
        values=tuple(each.label for each in field.choices if each.active) if choices else (),
        alias=DEFAULT_LABELS.get(field.original, field.original) if field.system else "",
        max_length=BOX_LENGTH if field.type is FieldType.TEXT else None,
    )


def _roots(session: Session) -> tuple[Folder, ...]:
    config = session.project.config
    wanted = (
        (ROOT_CASES, config.root_module, Tree.CASES),
        (ROOT_CYCLES, config.root_cycle, Tree.CYCLES),
    )
    return tuple(Folder(key=ref.key, name=name, tree=tree) for ref, name, tree in wanted if name)
