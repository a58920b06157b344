"""Which fields and values the mapped records need in the target."""

from __future__ import annotations

from collections.abc import Iterator

from ztoq_core.records import FieldType, Kind, Record
from ztoq_core.store import FieldNeed

_MANY = (FieldType.CHOICE, FieldType.MULTI_CHOICE)


class FieldDemand:
    """Counts the fields and values that records need; memory grows with these only."""

    def __init__(self) -> None:
        self._found: dict[tuple[Kind, str, FieldType, str], tuple[int, bool]] = {}

    def add(self, record: Record) -> None:
        """Count what a mapped record needs."""
        self._count(record.kind, "", FieldType.TEXT, "", optional=True)
        for field in record.fields:
            if field.value is None or field.value in ((), "") or field.type is None:
                continue
            self._count(record.kind, field.name, field.type, "", optional=field.optional)
            if field.type in _MANY:
                values = field.value if isinstance(field.value, tuple) else (str(field.value),)
                for value in values:
                    self._count(record.kind, field.name, field.type, value, optional=field.optional)

    def _count(
        self, kind: Kind, name: str, type_: FieldType, value: str, *, optional: bool
    ) -> None:
        key = (kind, name, type_, value)
        count, only_optional = self._found.get(key, (0, True))
        self._found[key] = (count + 1, only_optional and optional)

    def all(self) -> Iterator[FieldNeed]:
        """Yield each field, and each value of a choice, with its count."""
        for (kind, name, type_, value), (count, optional) in self._found.items():
            yield FieldNeed(kind, name, type_, value, count, optional)
