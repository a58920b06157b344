"""Which part of a project is migrated: read by the settings, applied by the engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import attrs

from ztoq_core.errors import ConfigError

_LISTS = ("folder", "label", "status", "cycle", "case")
_WHOLE = re.compile(r"[1-9][0-9]{0,8}")


@attrs.frozen(kw_only=True)
class Selection:
    """What is selected; the default is everything.

    ``folder`` holds paths of names (``A/B``) in the tree of the cases and includes the folders
    below; ``label``, ``status`` and ``case`` hold those of cases, by name and key, ``cycle`` keys
    or names. A case must meet every criterion that is given, and a criterion with several values
    is met by any of them. ``executed_since`` is an ISO date or time (UTC without a time zone),
    ``executions`` is ``all``, ``latest`` or how many of each run, ``limit`` how many cases, in the
    order of their keys.
    """

    folder: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    cycle: tuple[str, ...] = ()
    case: tuple[str, ...] = ()
    executed_since: str = ""
    executions: str = "all"
    limit: int | None = None

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return self != Selection()

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the values."""
        if self.executions not in {"all", "latest"} and not _WHOLE.fullmatch(self.executions):
            yield f"executions takes all, latest or a number, not {self.executions!r}"
        if self.limit is not None and self.limit < 1:
            yield "limit must be more than 0"
        if self.executed_since:
            try:
                moment(self.executed_since)
            except ConfigError as error:
                yield f"executed_since: {error}"

    @property
    def since(self) -> datetime | None:
        """The time from which executions count, or None."""
        return moment(self.executed_since) if self.executed_since else None

    @property
    def newest(self) -> int | None:
        """How many of the newest executions of each run count, or None for all."""
        if self.executions == "all":
            return None
        return 1 if self.executions == "latest" else int(self.executions)

    def __str__(self) -> str:
        """Return the selection in words, such as ``folder A/B; executions latest``."""
        words = []
        for field in attrs.fields(Selection):
            value = getattr(self, field.name)
            if value != field.default:
                shown = " or ".join(value) if isinstance(value, tuple) else str(value)
                words.append(f"{field.name.replace('_', ' ')} {shown}")
        return "; ".join(words) or "everything"


def moment(text: str) -> datetime:
    """Return the time for an ISO date or time; without a time zone it is UTC.

    Raises:
        ConfigError: The text is neither.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is not a date such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def settled(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of the config in the form of ``Selection``.

    Dates and numbers become texts, a single name a list of one.
    """
    found = {
        key: [value]
        if isinstance(value, str) and key in _LISTS and not value.startswith("[")
        else value
        for key, value in table.items()
    }
    if isinstance(since := found.get("executed_since"), date):
        found["executed_since"] = since.isoformat()
    number = found.get("executions")
    if isinstance(number, int) and not isinstance(number, bool):
        found["executions"] = str(number)
    return found
