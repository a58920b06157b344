"""How values, marks, times and files of the target are compared with what was expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from urllib.parse import unquote

from tests.corpus.expect import FileKey
from tests.corpus.labels import KEY_LABEL
from tests.corpus.reading import File
from tests.corpus.real import Json
from tests.corpus.texts import text

Say = Callable[[str, str], None]
YES = frozenset(["true", "yes", "[true]", "[yes]"])
NO = frozenset(["false", "no", "[false]", "[no]"])


def properties(found: Json) -> dict[str, Json]:
    """Return the properties that hold something, by label."""
    return {
        each["field_name"]: each
        for each in found.get("properties", [])
        if each.get("field_value") not in (None, "", "[]")
    }


def marked(found: Json) -> str:
    """Return the source's key that an object bears, or ``""``."""
    return str(properties(found).get(KEY_LABEL, {}).get("field_value", ""))


def moment(value: str) -> datetime | None:
    """Return an ISO time as UTC, None where it is none."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def same_moment(say: Say, where: str, what: str, expected: str, found: str | None) -> None:
    """Say so where two instants differ."""
    if found is None or moment(found) != moment(expected):
        say(where, f"{what} is {found}, expected {expected}")


def same_value(expected: object, prop: Json) -> bool:
    """Tell whether a property holds a value: by the name of the chosen, or by what travels."""
    raw, name = str(prop["field_value"]), prop.get("field_value_name")
    shown = str(raw if name in (None, "") else name)
    if isinstance(expected, bool):
        return shown.lower() in (YES if expected else NO)
    if isinstance(expected, int | float):
        return _number(shown) == float(expected)
    if isinstance(expected, list):
        return _listed(shown, [str(each) for each in expected])
    wanted = text(str(expected))
    if wanted in {text(raw), text(shown)} or [wanted] == [text(shown.strip("[]"))]:
        return True
    wanted_moment = moment(str(expected))
    return wanted_moment is not None and wanted_moment == moment(raw)


def _number(shown: str) -> float | None:
    try:
        return float(shown)
    except ValueError:
        return None


def _listed(shown: str, expected: list[str]) -> bool:
    """Values may hold commas themselves: all must occur, and nothing beside them."""
    inner = shown[1:-1] if shown.startswith("[") and shown.endswith("]") else shown
    length = sum(map(len, expected)) + 2 * (len(expected) - 1)
    return len(inner) == length and all(each in inner for each in expected)


def same_files(say: Say, where: str, expected: list[FileKey], found: Iterable[File]) -> None:
    """Say what is missing, extra or named otherwise; names beyond ASCII may be percent-encoded."""
    names = {name for name, _ in expected}
    wanted = Counter(expected)
    there = Counter(
        (file.name if file.name in names else unquote(file.name), file.sha256) for file in found
    )
    for (name, _), count in (wanted - there).items():
        say(where, f"file {name!r} is missing ({count})")
    for (name, _), count in (there - wanted).items():
        say(where, f"file {name!r} was not expected ({count})")
