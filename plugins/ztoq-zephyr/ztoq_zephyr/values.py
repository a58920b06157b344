"""Reads single values of Zephyr's JSON leniently: any value gives a usable one.

The service mixes null, ``""`` and missing keys, and adds keys without notice (several clients saw
it), so nothing here raises.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

from ztoq_core.plugin import FieldValue, Value

KEY = re.compile(r"(?P<project>.+)-[TRPE]\d+")
"""A key of a case, cycle, plan or execution."""
LARGEST = 2**63 - 1
"""The largest id or index that the service and the store can hold."""
DIGITS = re.compile(r"[0-9]{1,19}")
UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that no store accepts in a key or name: U+0000 and lone surrogates."""


def project_of(key: str) -> str:
    """Return the project of a key, ``""`` if the key has none."""
    match = KEY.fullmatch(key)
    return match["project"] if match else ""


def mapped(value: Any) -> Mapping[str, Any]:
    """Return the object, or an empty one."""
    return value if type(value) is dict or isinstance(value, Mapping) else {}


def listed(value: Any) -> tuple[Any, ...]:
    """Return the members of an array, or none."""
    return tuple(value) if isinstance(value, (list, tuple)) else ()


def text(value: Any) -> str:
    """Return a text as it is, a number as text, anything else as ``""``."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return ""


def word(value: Any) -> str:
    """Return a key, an id or a name as a text that every store accepts."""
    return UNPRINTABLE.sub("\ufffd", text(value))


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts of an array, without empty ones."""
    return tuple(each for each in map(text, listed(value)) if each)


def whole(value: Any) -> int | None:
    """Return a whole number of at most 64 bits, also from ``12.0`` and ``"12"``."""
    found = None
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    elif isinstance(value, float):
        found = int(value) if value.is_integer() else None
    elif isinstance(value, str) and DIGITS.fullmatch(value):
        found = int(value)
    return found if found is not None and abs(found) <= LARGEST else None


def seconds(value: Any) -> float | None:
    """Return milliseconds as seconds; None if the value is not a possible duration."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        value = whole(value)
    if value is None or not math.isfinite(value) or abs(value) > LARGEST:
        return None
    return float(value / 1000)


def instant(value: Any) -> datetime | None:
    """Return an ISO 8601 time as UTC; one without a zone is taken as UTC."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def id_of(reference: Any) -> int | None:
    """Return the id of a reference ``{"id": …, "self": …}``, from ``self`` if it has no ``id``."""
    found = whole(mapped(reference).get("id"))
    return number_in(mapped(reference).get("self")) if found is None else found


def number_in(url: Any) -> int | None:
    """Return the number that a URL ends with."""
    return whole(last_segment(url))


def last_segment(url: Any) -> str:
    """Return the last segment of a URL's path, or ``""``."""
    return next(reversed(_segments(url)), "")


def part_after(url: Any, name: str) -> str:
    """Return the path segment of a URL that follows the segment ``name``, or ``""``."""
    segments = _segments(url)
    for before, after in pairwise(segments):
        if before == name:
            return after
    return ""


def account_of(person: Any) -> str:
    """Return the Atlassian account id of ``{"accountId": …, "self": …}``.

    ``self`` is a Jira URL that ends with the account id (seen: with its colon as ``%3A``).
    """
    found = word(mapped(person).get("accountId"))
    if found:
        return found
    url = mapped(person).get("self")
    if not isinstance(url, str):
        return ""
    _, _, account = url.partition("accountId=")
    return word(unquote(account.partition("&")[0]))


def fields_of(custom: Any) -> tuple[FieldValue, ...]:
    """Return custom fields under their exact names, empty ones included, types unknown.

    A single choice is a text, a multiple one an array of texts (on Essential of ``{"id",
    "name"}``), a checkbox a boolean, a number a number, all else a text; an empty field is null or
    ``""`` (seen in real projects).
    """
    return tuple(
        FieldValue(name=name, value=_value(value)) for name, value in mapped(custom).items()
    )


def _value(value: Any) -> Value:
    if value is None or value == "":
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, list):
        return tuple(str(each) for each in map(_value, value) if each is not None)
    if isinstance(value, Mapping):
        for name in ("name", "value", "accountId"):
            if name in value:
                return _value(value[name])
    return json.dumps(value, ensure_ascii=False, default=str)


def _segments(url: Any) -> Sequence[str]:
    if not isinstance(url, str):
        return ()
    try:
        path = urlsplit(url).path
    except ValueError:  # for example an unclosed bracket in the host
        path = url
    return [word(unquote(segment)) for segment in path.split("/") if segment]
