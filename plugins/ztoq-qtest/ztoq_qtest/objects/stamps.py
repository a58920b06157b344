"""Computes a digest of what a person can edit in an object, from qTest's answers.

Dates of change, order, links, versions and what logs set are left out: they change by themselves,
or by later writes of ztoq. Of texts only the words count, since qTest may store other HTML with the
same content. Of times only the instant counts, since offsets differ by site and user.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ztoq_core.plugin import Note, Written
from ztoq_qtest.api.object_types import ObjectRef
from ztoq_qtest.fields.encoding import parse_time
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.html import plain

TEXTS = ("name", "description", "precondition", "note")
TIMES = ("start_date", "end_date", "exe_start_date", "exe_end_date")
# Fields of a run that logs set, that qTest computes from logs, or that it orders runs by.
SET_BY_LOGS = frozenset({"Name", "Status", "Planned Time", "Actual Time", "Run Order"})


def _value(text: object) -> str:
    moment = parse_time(text) if isinstance(text, str) and "T" in text else None
    return moment.isoformat() if moment else plain(str(text))


def _properties(answer: Mapping[str, Any]) -> list[tuple[int, str]]:
    top = {plain(str(answer.get(name) or "")) for name in ("description", "precondition")}
    found = []
    for each in answer.get("properties") or ():
        number, text = each.get("field_id") or 0, _value(each.get("field_value") or "")
        if number <= 0 or not text or text in top:
            continue  # computed, empty, or a repetition of the description (facts, section 3)
        found.append((number, text))
    return sorted(found)


def _step(step: Mapping[str, Any]) -> tuple[object, ...]:
    if called := step.get("called_test_case_id"):
        return (called,)  # its texts belong to the called case
    return tuple(plain(str(step.get(name) or "")) for name in ("description", "expected"))


def compute_stamp(type_: str, answer: Mapping[str, Any]) -> str:
    """Return the digest of an object; for a case, ``answer`` holds the sorted ``test_steps``."""
    parts: list[object] = [plain(str(answer.get(name) or "")) for name in TEXTS]
    parts += [_value(answer[name]) if answer.get(name) else "" for name in TIMES]
    parts.append(_properties(answer))
    parts.append((answer.get("status") or {}).get("id") if type_ == "test-logs" else None)
    parts.append([_step(step) for step in answer.get("test_steps") or ()])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def drop_log_properties(answer: Mapping[str, Any], fields: FieldSet) -> Mapping[str, Any]:
    """Return a run without the properties that its logs set, as logs use the fields of runs."""
    kept = []
    for each in answer.get("properties") or ():
        field = fields.by_id(int(each.get("field_id") or 0))
        if field and field.system and field.original not in SET_BY_LOGS:
            kept.append(each)
    return {**answer, "properties": kept}


def as_written(
    target: ObjectRef,
    target_id: str,
    answer: Mapping[str, Any],
    *,
    parts: Mapping[str, str] | None = None,
    notes: Sequence[Note] = (),
) -> Written:
    """Return the facts that the engine keeps of an answer."""
    return Written(
        target_id=target_id,
        pid=str(answer.get("pid") or ""),
        url=str(answer.get("web_url") or ""),
        version=str(answer.get("test_case_version_id") or ""),
        parts=parts or {},
        stamp=compute_stamp(target.type, answer),
        notes=tuple(notes),
    )
