"""Records as lines of JSON, which ``docs/files.md`` describes, and the objects on lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from ztoq_core.plugin import Record, RecordJsonError, record_to_json

_LONG = 60


def line_of(record: Record, **further: Any) -> bytes:
    """Return a record as a line of JSON with its line feed; equal records give equal bytes.

    What equals its default is left out. ``further`` are keys beside the record's own.
    """
    return json_line({**record_to_json(record), **further})


def json_line(value: Mapping[str, Any]) -> bytes:
    """Return JSON on one line, keys sorted; a lone surrogate, which UTF-8 lacks, is escaped."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(value, sort_keys=True, separators=(',', ':'))}\n".encode("ascii")


def object_in(line: bytes) -> dict[str, Any]:
    """Return the JSON object on a line.

    Raises:
        RecordJsonError: It is not UTF-8, not JSON, or not an object; a key is there twice.
    """
    try:
        value = json.loads(
            line.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_not_json
        )
    except UnicodeDecodeError as error:
        raise RecordJsonError(f"is not UTF-8 text (byte {error.start + 1})") from error
    except json.JSONDecodeError as error:
        raise RecordJsonError(f"is not JSON: {error.msg} (character {error.pos + 1})") from error
    except RecursionError as error:
        raise RecordJsonError("is not a record: it nests too deep") from error
    if not isinstance(value, dict):
        shown = "a list" if isinstance(value, list) else json.dumps(value)[:_LONG]
        raise RecordJsonError(f"is not a record: it is {shown}, expected an object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RecordJsonError(f"has the key {twice!r} twice")
    return value


def _not_json(word: str) -> NoReturn:
    raise RecordJsonError(f"is not JSON: {word} is not a number of JSON")
