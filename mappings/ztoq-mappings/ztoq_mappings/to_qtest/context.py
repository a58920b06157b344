"""The context of the mapping: options, name tables, field labels, people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

import attrs

from ztoq_core.plugin import ConfigError, Folder, Record, Ref, TransformContext, Tree, folded
from ztoq_mappings.to_qtest.fields import FieldLabels
from ztoq_mappings.to_qtest.name_tables import PRODUCT, NameTables, name_tables
from ztoq_mappings.to_qtest.options import CONTAINERS, Options
from ztoq_mappings.to_qtest.people import People


@attrs.frozen(kw_only=True)
class MappingContext:
    """Built once a run, never changed.

    ``source`` is the name of the source's product, ``project`` its project where its config names
    one. ``cycle_files`` is ``case``,
    ``release`` or ``store``; ``plans_are_releases`` is False where plans become cycles.
    """

    options: Options
    tables: NameTables
    field_labels: FieldLabels
    people: People
    unknown_date: datetime
    approved: frozenset[str]
    source: str = PRODUCT
    project: str = ""
    cycle_files: str = "case"
    plans_are_releases: bool = True

    @classmethod
    def of(cls, options: Options, context: TransformContext) -> Self:
        """Return the context for a run.

        Raises:
            ConfigError: ``unknown_date`` is not a date.
        """
        sink = context.sink_config
        source = str(getattr(sink, "source_name", PRODUCT))
        known = name_tables(source, str(getattr(sink, "key_field", "")))
        people = People.of(context.source.users)
        return cls(
            options=attrs.evolve(
                options,
                **{each: getattr(options, each).replace("{source}", source) for each in CONTAINERS},
            ),
            tables=known,
            field_labels=FieldLabels(context.source, known.reserved, people, source),
            people=people,
            unknown_date=_date(options.unknown_date),
            approved=frozenset(folded(status) for status in options.approved_statuses),
            source=source,
            project=str(getattr(context.source_config, "project", "") or ""),
            cycle_files=str(getattr(sink, "cycle_files", "case")),
            plans_are_releases=getattr(sink, "plans", "release") != "cycle",
        )

    def home(self, key: str) -> str:
        """Return the project of a container for the record ``key``."""
        return self.project or key.rpartition("-")[0] or self.source.upper()


def module(key: str, name: str, parent: Folder | None = None) -> Folder:
    """Return a module that the source does not have."""
    return Folder(key=key, name=name, tree=Tree.CASES, parent=parent.ref if parent else None)


def brought(record: Record, *more: Record) -> tuple[Record, ...]:
    """Return the companions of the record and ``more``, each once, parents first."""
    found: dict[Ref, Record] = {each.ref: each for each in (*record.companions, *more)}
    return tuple(sorted(found.values(), key=lambda each: each.kind.rank))


def _date(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"unknown_date = {text!r} is not an ISO 8601 date (such as '2000-01-01T00:00:00Z')"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(microsecond=0)
