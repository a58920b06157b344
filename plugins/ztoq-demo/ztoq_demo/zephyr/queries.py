"""Query and path parameters as the vendor's schemas bound them, and the filters made of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ztoq_testkit.simulate import Refusal, Request, whole_number

from ztoq_demo.zephyr.model import FolderType, StatusType
from ztoq_demo.zephyr.tenant import Row, Tenant

MOST = 1_000
LAST_START = 1_000_000
# a caller who sees more projects must name one (schemas of 2026-08, ListTestCases)
MOST_PROJECTS = 1_000
# from the schemas' patterns, which leave open whether the whole value must match: here it must
PROJECT_KEY = re.compile(r"[A-Z][A-Z_0-9]+")
CYCLE = re.compile(r"[0-9]+|[A-Z][A-Z_0-9]+-R[0-9]+")
CASE = re.compile(r"[0-9]+|.+-T[0-9]+")

Keep = Callable[[Row[Any]], bool]
Filter = Callable[[Tenant, Request], Keep | None]


def refusal(status: int, message: str) -> Refusal:
    """Return a refusal in the form of all errors but 401."""
    return Refusal(status, {"errorCode": status, "message": message})


def bad(message: str) -> Refusal:
    """Return the refusal of a parameter."""
    return refusal(400, message)


def number(
    request: Request, name: str, default: int, lowest: int, highest: int | None = None
) -> int:
    """Return a whole number from the query; 400 where it is none or out of bounds."""
    return whole_number(request, name, default=default, lowest=lowest, highest=highest, refuse=bad)


def boolean(request: Request, name: str) -> bool:
    """Return a flag from the query, by default False."""
    text = request.query.get(name, "false")
    if text not in ("true", "false"):
        raise bad(f"{name} should be true or false")
    return text == "true"


def matched(value: str, pattern: re.Pattern[str], name: str) -> str:
    """Return the value if it has the form that the schemas demand, else refuse with 400."""
    if not pattern.fullmatch(value):
        raise bad(f"{name} should match {pattern.pattern}")
    return value


def _moment(request: Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise bad(f"{name} should be a date and time") from None
    if moment.tzinfo is None:
        raise bad(f"{name} should have a time zone")
    return moment


def _project(tenant: Tenant, request: Request) -> Keep | None:
    key = request.query.get("projectKey")
    if key is None:
        if len(tenant.projects) > MOST_PROJECTS:
            raise bad("projectKey is needed")
        return None
    matched(key, PROJECT_KEY, "projectKey")
    row = tenant.all_projects.find(key)
    if row is None or not row.item.enabled:
        raise refusal(404, f"Project {key} does not exist or is disabled")
    project = row.item
    return lambda row: row.project is project


def _folder(tenant: Tenant, request: Request) -> Keep | None:
    if "folderId" not in request.query:
        return None
    folder = number(request, "folderId", 0, lowest=1)
    if tenant.folders.find(folder) is None:
        raise refusal(404, f"Folder {folder} does not exist")
    return lambda row: bool(row.item.folder_id == folder)


def _version(_: Tenant, request: Request) -> Keep | None:
    if "jiraProjectVersionId" not in request.query:
        return None
    version = number(request, "jiraProjectVersionId", 0, lowest=1)
    return lambda row: bool(row.item.version_id == version)


def _cycle(tenant: Tenant, request: Request) -> Keep | None:
    name = request.query.get("testCycle")
    if name is None:
        return None
    # the schema wants a key; the service takes the numeric id, too (seen)
    row = tenant.cycles.find(matched(name, CYCLE, "testCycle"))
    cycle = row.item.id if row else 0
    return lambda row: bool(row.item.cycle_id == cycle)


def _case(tenant: Tenant, request: Request) -> Keep | None:
    name = request.query.get("testCase")
    if name is None:
        return None
    row = tenant.cases.find(matched(name, CASE, "testCase"))
    key = row.item.key if row else name
    return lambda row: bool(row.item.case_key == key)


def _ended_after(_: Tenant, request: Request) -> Keep | None:
    after = _moment(request, "actualEndDateAfter")
    if after is None:
        return None
    return lambda row: (end := _time(row.item.actual_end)) is not None and end > after


def _ended_before(_: Tenant, request: Request) -> Keep | None:
    before = _moment(request, "actualEndDateBefore")
    if before is None:
        return None
    return lambda row: (end := _time(row.item.actual_end)) is not None and end < before


def _updated_after(_: Tenant, request: Request) -> Keep | None:
    after = _moment(request, "updatedAfter")
    if after is None:
        return None
    return lambda row: (moment := _changed(row.item)) is None or moment > after


def _last_only(tenant: Tenant, request: Request) -> Keep | None:
    if not boolean(request, "onlyLastExecutions"):
        return None
    # guess: an item of a cycle is a case with an environment; executions without cycle all stay
    last = {
        (run.cycle_id, run.case_key, run.environment_id): run.id
        for run in (row.item for row in tenant.executions.rows)
    }
    return lambda row: (
        row.item.cycle_id is None
        or last[row.item.cycle_id, row.item.case_key, row.item.environment_id] == row.item.id
    )


def _folder_type(_: Tenant, request: Request) -> Keep | None:
    return _of_type(request, "folderType", list(FolderType))


def _status_type(_: Tenant, request: Request) -> Keep | None:
    return _of_type(request, "statusType", list(StatusType))


def _of_type(
    request: Request, name: str, types: list[FolderType] | list[StatusType]
) -> Keep | None:
    type_ = request.query.get(name)
    if type_ is None:
        return None
    if type_ not in types:
        raise bad(f"{name} should be one of {', '.join(types)}")
    return lambda row: bool(row.item.type == type_)


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _changed(item: Any) -> datetime | None:
    """Return when an object was changed; None where the corpus does not say, which means lately."""
    earlier = (getattr(item, name, None) for name in ("created_on", "actual_end"))
    return _time(item.updated_on or next(filter(None, earlier), None))


FILTERS: dict[str, Filter] = {
    "projectKey": _project,
    "folderId": _folder,
    "jiraProjectVersionId": _version,
    "testCycle": _cycle,
    "testCase": _case,
    "actualEndDateAfter": _ended_after,
    "actualEndDateBefore": _ended_before,
    "updatedAfter": _updated_after,
    "onlyLastExecutions": _last_only,
    "folderType": _folder_type,
    "statusType": _status_type,
}
"""What each query parameter keeps; None: everything."""
