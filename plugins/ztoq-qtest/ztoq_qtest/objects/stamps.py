"""Digests of what a person can edit in an object, taken from qTest's own answers.

Dates of change, order, links, versions and what logs set are left out: they change by themselves,
or by what ztoq does later. Texts count by their words, since the server may write other HTML of the
same content; times count as instants, since offsets differ by site and user.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ztoq_core.plugin import Note, Written
from ztoq_qtest.api.object_types import Place
from ztoq_qtest.fields.encoding import instant
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.html import plain

__all__ = ["stamp_of", "without_logs", "written"]

TEXTS = ("name", "description", "precondition", "note")
TIMES = ("start_date", "end_date", "exe_start_date", "exe_end_date")
# of a run: logs set the status, and with it what is computed from it; the server orders
SET_BY_LOGS = frozenset({"Name", "Status", "Planned Time", "Actual Time", "Run Order"})


def _value(text: object) -> str:
    moment = instant(text) if isinstance(text, str) and "T" in text else None
    return moment.isoformat() if moment else plain(str(text))


def _properties(answer: Mapping[str, Any]) -> list[tuple[int, str]]:
    top = {plain(str(answer.get(name) or "")) for name in ("description", "precondition")}
    found = []
    for each in answer.get("properties") or ():
        number, text = each.get("field_id") or 0, _value(each.get("field_value") or "")
        if number <= 0 or not text or text in top:
            continue  # computed, empty, or the description once more (facts, section 3)
        found.append((number, text))
    return sorted(found)


def _step(step: Mapping[str, Any]) -> tuple[object, ...]:
    if called := step.get("called_test_case_id"):
        return (called,)  # its texts are the called case's
    return tuple(plain(str(step.get(name) or "")) for name in ("description", "expected"))


def stamp_of(type_: str, answer: Mapping[str, Any]) -> str:
    """Return the digest of an object; of a case ``answer`` has the ``test_steps``, in order."""
    parts: list[object] = [plain(str(answer.get(name) or "")) for name in TEXTS]
    parts += [_value(answer[name]) if answer.get(name) else "" for name in TIMES]
    parts.append(_properties(answer))
    parts.append((answer.get("status") or {}).get("id") if type_ == "test-logs" else None)
    parts.append([_step(step) for step in answer.get("test_steps") or ()])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def without_logs(answer: Mapping[str, Any], fields: FieldSet) -> Mapping[str, Any]:
    """Return a run without the properties that its logs set: they use the fields of runs."""
    kept = []
    for each in answer.get("properties") or ():
        field = fields.by_id(int(each.get("field_id") or 0))
        if field and field.system and field.original not in SET_BY_LOGS:
            kept.append(each)
    return {**answer, "properties": kept}


def written(
    place: Place,
    target_id: str,
    answer: Mapping[str, Any],
    *,
    parts: Mapping[str, str] | None = None,
    notes: Sequence[Note] = (),
) -> Written:
    """Return what the engine keeps of an answer."""
    return Written(
        target_id=target_id,
        pid=str(answer.get("pid") or ""),
        url=str(answer.get("web_url") or ""),
        version=str(answer.get("test_case_version_id") or ""),
        parts=parts or {},
        stamp=stamp_of(place.type, answer),
        notes=tuple(notes),
    )
