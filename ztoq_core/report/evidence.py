"""What a report proves: both sides by kind with every difference, executions by result, checksums.

Unlike ``Report`` it reads all records once, in pages; it is gathered only for a report that is
written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs

from ztoq_core.convert import show_json, write_json
from ztoq_core.records import Kind
from ztoq_core.store import MappingStep, Placed, RecordOutcome, State, Store, Validation

_NAMED = 3
"""How many additions are named."""

_ABSENT = {
    State.LISTED: "not read completely yet",
    State.EXTRACTED: "not mapped yet",
    State.READY: "not written yet",
    State.SENDING: "not written yet",
    State.UNKNOWN: "in doubt: sent, but the answer was lost",
    State.FAILED: "refused by the mapping or the target",
    State.BLOCKED: "belong to what did not arrive",
    State.REJECTED: "unusable",
    State.SKIPPED: "left out",
    State.CONFLICT: "in conflict",
    State.DELETED: "no longer in the target",
}


@attrs.frozen
class Difference:
    """Why the target has ``number`` objects more or, below 0, fewer than the source."""

    number: int
    reason: str


@attrs.frozen(kw_only=True)
class Side:
    """One kind on both sides.

    ``source`` is what the source listed, ``target`` what the store knows to be in the target:
    ``source`` and all ``differences``. ``found`` is what the last validation counted there,
    ``others`` what it found that is not from ztoq; None where it did not count.
    """

    kind: Kind
    source: int
    target: int
    differences: tuple[Difference, ...] = ()
    found: int | None = None
    others: int | None = None


@attrs.frozen(kw_only=True)
class Results:
    """How many executions had ``source`` as their status, and what they have in the target.

    ``target`` is empty for those that were not read back; ``absent`` says why there are none.
    """

    source: str
    target: str = ""
    absent: str = ""
    count: int


@attrs.frozen(kw_only=True)
class Evidence:
    """What is gathered from all records.

    ``rules`` counts the fields that the validation called equal by a rule. ``digest`` is the
    SHA-256 over all records (docs/report.md says of what), ``mapping_digest`` that over
    ``mapping``. ``calls`` are those to each host in each month.
    """

    sides: tuple[Side, ...]
    results: tuple[Results, ...]
    rules: tuple[tuple[Kind, str, int], ...]
    records: int
    digest: str
    mapping: tuple[MappingStep, ...]
    mapping_digest: str
    calls: tuple[tuple[str, str, int], ...]

    @classmethod
    def from_store(cls, store: Store) -> Evidence:
        """Read all records of a store."""
        seal = hashlib.sha256()
        results: Counter[tuple[str, str, str]] = Counter()
        number = 0
        for record in store.outcomes.records():
            number += 1
            seal.update(_line(record))
            if record.kind is Kind.TEST_LOG and not record.added:
                results[record.status, record.target_status, _absent(record)] += 1
        mapping = store.facts.mapping or ()
        described = show_json([attrs.asdict(each) for each in mapping]).encode()
        return cls(
            sides=tuple(_sides(store)),
            results=tuple(
                Results(source=source, target=target, absent=absent, count=count)
                for (source, target, absent), count in results.most_common()
            ),
            rules=tuple(
                (kind, rule, count)
                for (kind, rule), count in sorted(
                    store.outcomes.rules().items(), key=lambda each: (each[0][0].rank, -each[1])
                )
            ),
            records=number,
            digest=seal.hexdigest(),
            mapping=mapping,
            mapping_digest=hashlib.sha256(described).hexdigest() if mapping else "",
            calls=tuple(store.call_counts.all.now()),
        )

    @property
    def executions(self) -> tuple[Counter[str], Counter[str]]:
        """How many executions have each status, in the source and, as read back, in the target."""
        source: Counter[str] = Counter()
        target: Counter[str] = Counter()
        for each in self.results:
            source[each.source] += each.count
            target[each.target] += each.count if each.target else 0
        return source, +target

    @staticmethod
    def fields(validation: Validation) -> Counter[str]:
        """How many fields the validation compared with each result."""
        found: Counter[str] = Counter()
        for each in validation.contents:
            found["equal"] += each.equal
            found["equal by rule"] += each.by_rule
            found["different or missing"] += each.wrong
            found["not checked"] += each.unchecked
        return found if found.total() else Counter()


def _line(record: RecordOutcome) -> bytes:
    """Return the line of a record over which the store's checksum is made."""
    fields = (record.kind, record.key, record.state, record.target_id, *record.digests)
    return write_json(fields) + b"\n"


def _absent(record: RecordOutcome) -> str:
    if record.there:
        return ""
    why = _ABSENT.get(record.state, record.state.value)
    return f"{why}: {record.reason}" if record.state is State.SKIPPED else why


def _sides(store: Store) -> Iterator[Side]:
    placed = store.outcomes.placed()
    looked_up = store.facts.looked_up
    validation = store.facts.validation
    found = {row.kind: row for row in validation.rows} if validation else {}
    for kind in Kind:
        rows = [row for row in placed if row.kind is kind]
        if not rows:
            continue
        own = [row for row in rows if not row.added]
        listed = [row for row in own if row.state is not State.GONE]
        source = sum(row.count for row in listed) - looked_up.get(kind, 0)
        differences = [
            Difference(
                looked_up.get(kind, 0), "referred to by others, and in no list of the source"
            ),
            Difference(_count(row for row in rows if row.added and row.there), _added(store, kind)),
            Difference(
                _count(row for row in own if row.state is State.GONE and row.there),
                "no longer in the source",
            ),
            *_missing([row for row in listed if not row.there]),
        ]
        row = found.get(kind)
        yield Side(
            kind=kind,
            source=source,
            target=_count(row for row in rows if row.there),
            differences=tuple(each for each in differences if each.number),
            found=row.target if row else None,
            others=row.foreign if row else None,
        )


def _count(rows: Iterable[Placed]) -> int:
    return sum(row.count for row in rows)


def _added(store: Store, kind: Kind) -> str:
    names = store.outcomes.added(kind, _NAMED + 1)
    return f"made for the target: {', '.join(names[:_NAMED])}{' …' if len(names) > _NAMED else ''}"


def _missing(rows: Sequence[Placed]) -> Iterator[Difference]:
    reasons: Counter[str] = Counter()
    for row in rows:
        why = _ABSENT.get(row.state, row.state.value)
        reasons[f"{why}: {row.reason}" if row.reason else why] += row.count
    for reason, count in reasons.most_common(_NAMED):
        yield Difference(-count, reason)
    rest = sum(count for _, count in reasons.most_common()[_NAMED:])
    yield Difference(-rest, "for other reasons, see below")
