"""The shape of each endpoint's answer; nothing else decides between content and "nothing".

Shapes: Zephyr Cloud schemas 2026-08. Containers are read strictly: a body of another shape (an
error with status 200, no body, ``null``, ``{}``, an array instead of a page) is a failed request,
never an empty list. The values inside are read leniently (``values``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ztoq_core.plugin import AnswerError
from ztoq_zephyr.values import mapped, text, whole

LINKS = ("issues", "webLinks", "testPlans", "testCycles")

Reader = Callable[[Any], Any]

DEEPEST = 100
"""How deep an object may be nested; real ones are 6 deep."""


def too_deep(value: Any) -> bool:
    """Return whether a JSON value is nested deeper than the store and the mappings can follow."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [
            below
            for each in level
            for below in (each.values() if isinstance(each, dict) else each)
            if isinstance(below, (dict, list))
        ]
        if not level:
            return False
    return True


def _page(body: Any) -> Mapping[str, Any]:
    """Read a page of an offset list; one without values must not show that there are some."""
    found = mapped(body)
    complete = whole(found.get("startAt")) is not None and whole(found.get("maxResults"))
    ended = "next" in found or found.get("isLast") is True or found.get("total") == 0
    page = _values(body, empty=bool(complete and ended))
    # the total drifts while a list is read, but not before its first page
    some = not whole(page.get("startAt")) and whole(page.get("total"))
    if not page["values"] and (some or page.get("next")):
        raise AnswerError("a page without values says that there are some")
    return page


def _cursor_page(body: Any) -> Mapping[str, Any]:
    found = mapped(body)
    ended = "nextStartAtId" in found and found["nextStartAtId"] is None and not found.get("next")
    return _values(body, empty=ended and whole(found.get("limit")) is not None)


def _values(body: Any, *, empty: bool) -> Mapping[str, Any]:
    """Read a page. The schemas let it leave out its values; it is then ``empty``.

    That counts for a page with all keys that the schemas require, and an end.
    """
    if empty and "values" not in body:
        return {**body, "values": []}
    if not isinstance(body, Mapping) or not isinstance(body.get("values"), list):
        raise AnswerError(f"a page with a list of values was due, not {_said(body)}")
    return body


def _keyed(body: Any) -> Mapping[str, Any]:
    found = mapped(body)
    if not text(found.get("key")):
        raise AnswerError(f"an object with a key was due, not {_said(body)}")
    return found


def _numbered(body: Any) -> Mapping[str, Any]:
    found = mapped(body)
    if whole(found.get("id")) is None:
        raise AnswerError(f"an object with an id was due, not {_said(body)}")
    return found


def _links(body: Any) -> Mapping[str, Any]:
    """Read links; no list of them is required, so ``self`` alone means that there are none."""
    found = _flat(body)
    lists = [found[name] for name in LINKS if name in found]
    if not (lists or text(found.get("self"))) or not all(isinstance(each, list) for each in lists):
        raise AnswerError(f"lists of links were due, not {_said(body)}")
    return found


def _script(body: Any) -> Mapping[str, Any]:
    found = _flat(body)
    if "text" not in found or not text(found.get("type")):
        raise AnswerError(f"a script with type and text was due, not {_said(body)}")
    return found


def _files(body: Any) -> Mapping[str, Any]:
    found = _flat(body)
    if not isinstance(found.get("attachments"), list):
        raise AnswerError(f"a list of attachments was due, not {_said(body)}")
    return found


def _flat(body: Any) -> Mapping[str, Any]:
    if isinstance(body, dict | list) and too_deep(body):
        raise AnswerError(f"an object nested less than {DEEPEST} deep was due")
    return mapped(body)


def _said(body: Any) -> str:
    """Describe a body, with the reason in an error."""
    if body is None:
        return "null or nothing"
    if isinstance(body, list):
        return "an array"
    if not isinstance(body, Mapping):
        return "a single value"
    reason = text(body.get("message")) or text(body.get("error"))
    if reason:
        shown = "".join(char if char.isprintable() else " " for char in reason)
        return f"an error ({shown[:200]})"
    return "an object without it" if body else "an empty object"


LISTS = ("testcases", "testplans", "testcycles", "testexecutions")
ENDPOINTS: Mapping[str, Reader] = {
    **dict.fromkeys((*LISTS, "folders", "projects"), _page),
    **{f"{name}/nextgen": _cursor_page for name in LISTS},
    **{f"{name}/*": _keyed for name in ("testcases", "testplans", "testcycles", "projects")},
    "testexecutions/*": _numbered,
    **{f"{name}/*/attachments": _files for name in LISTS},
    **{f"{name}/*/links": _links for name in ("testcases", "testcycles", "testexecutions")},
    **{f"{name}/*/teststeps": _page for name in ("testcases", "testexecutions")},
    **{f"{name}/*/teststeps/*/attachments": _files for name in ("testcases", "testexecutions")},
    "testcases/*/testscript": _script,
    **dict.fromkeys(("statuses", "priorities", "environments"), _page),
    **{f"{name}/*": _numbered for name in ("folders", "statuses", "priorities", "environments")},
}
"""The endpoints that are read, by path with ``*`` for keys and ids, and how each is read."""

WORDS = frozenset(word for path in ENDPOINTS for word in path.split("/")) - {"*"}


def reader_of(path: str) -> Reader:
    """Return the reader of the answer to a GET of ``path``, as ``Client.request`` takes it."""
    first, *others = path.split("/")
    return ENDPOINTS["/".join((first, *(word if word in WORDS else "*" for word in others)))]
