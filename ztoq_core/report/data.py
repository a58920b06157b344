"""The contents of a report as plain data, gathered once from a store.

Counts are complete; only the first ``limit`` entries of long lists are kept, so that a report's
memory does not grow with the project. ``write_json`` reads the complete lists from the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import attrs

from ztoq_core.contracts import Finding
from ztoq_core.engine import (
    Goal,
    Verdict,
    outcome,
    unresolved_ids,
)
from ztoq_core.installed import core_version
from ztoq_core.losses import LossPolicy
from ztoq_core.records import Kind, Level, LossGroup, NoteCode, counted
from ztoq_core.store import (
    FileTotals,
    FinalCheck,
    PastRun,
    Problem,
    Selected,
    SourceCheck,
    State,
    Store,
    StoredNote,
    StoredReject,
    Validation,
)

LIMIT = 200


@attrs.frozen
class Group:
    """What notes of one group mean to a reader of the target."""

    name: str
    title: str
    meaning: str


GROUPS = {
    LossGroup.LOST: Group("lost", "Lost", "What a reader of the target would not find."),
    LossGroup.CHANGED: Group("changed", "Changed", "What the target holds in another form."),
    LossGroup.MOVED: Group(
        "moved", "Moved", "What the target holds in another place, such as a table or a note."
    ),
    LossGroup.REMARK: Group("remark", "Remarks", "Nothing is missing by what is noted here."),
}
PLURALS = {Kind.TEST_LOG: "test logs (executions)", Kind.ATTACHMENT: "files"}


def words(kind: Kind | None) -> str:
    """Return the kind in the plural, for headings and tables."""
    if kind is None:
        return "whole run"
    return PLURALS.get(kind, f"{kind.value.replace('_', ' ')}s")


@attrs.frozen(kw_only=True)
class KindRow:
    """How many records of a kind are in each state."""

    kind: Kind
    states: dict[State, int]

    @property
    def total(self) -> int:
        """The number of records of this kind."""
        return sum(self.states.values())

    @property
    def arrived(self) -> int:
        """How many are complete in the target."""
        return self.states.get(State.FINISHED, 0)

    @property
    def percent(self) -> int:
        """The percentage that arrived of those that should, rounded down."""
        return 100 * self.arrived // self.due if self.due else 100

    @property
    def due(self) -> int:
        """How many should arrive: all but those left out on purpose."""
        return self.total - self.states.get(State.SKIPPED, 0)


@attrs.frozen(kw_only=True)
class NoteGroup:
    """The notes of one level and code: how many, about which kinds, and the first ones."""

    level: Level
    code: str
    reason: NoteCode
    total: int
    kinds: dict[Kind | None, int]
    examples: tuple[StoredNote, ...]

    @property
    def general(self) -> bool:
        """Whether they are about the whole migration."""
        return set(self.kinds) == {None}


@attrs.frozen(kw_only=True)
class ProblemGroup:
    """The records in one bad state: how many, and the first ones."""

    state: State
    total: int
    examples: tuple[Problem, ...]


@attrs.frozen(kw_only=True)
class SkipGroup:
    """The records left out on purpose for one reason; ``keys`` are the first ones."""

    kind: Kind
    reason: str
    loss: bool
    total: int
    keys: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Report:
    """Everything that a report shows."""

    made: datetime
    version: str
    source: str
    target: str
    verdict: Verdict
    kinds: tuple[KindRow, ...]
    notes: tuple[NoteGroup, ...]
    problems: tuple[ProblemGroup, ...]
    skips: tuple[SkipGroup, ...]
    rejects: tuple[StoredReject, ...]
    rejected: int
    validation: Validation | None
    runs: tuple[PastRun, ...]
    files: FileTotals
    findings: tuple[tuple[str, Finding], ...] = ()
    selection: str = ""
    unselected: int = 0
    final: FinalCheck | None = None
    source_check: SourceCheck | None = None
    streamed: bool = False
    nameless: str = ""

    @classmethod
    def from_store(
        cls, store: Store, *, policy: LossPolicy | None = None, limit: int = LIMIT
    ) -> Report:
        """Return the report of a store, keeping ``limit`` entries of each long list.

        ``policy`` says which losses fail, and what their reasons mean.

        With ``limit`` 0 the lists are not even counted: a store may hold a million entries.
        """
        runs = tuple(store.reporting.runs())
        kinds = tuple(
            KindRow(kind=kind, states=states) for kind, states in store.reporting.counts().items()
        )
        problems, skips = _problems(store.reporting.problems() if limit else (), limit)
        rejects = list(store.reporting.rejects() if limit else ())
        return cls(
            made=datetime.now(UTC),
            version=core_version(),
            source=store.facts.source,
            target=store.facts.sink,
            verdict=outcome(store, Goal.VALIDATE, policy),
            kinds=kinds,
            notes=tuple(_notes(store, policy or LossPolicy(), limit)),
            problems=problems,
            skips=skips,
            rejects=tuple(rejects[:limit]),
            rejected=len(rejects),
            validation=store.facts.validation,
            runs=runs,
            files=store.reporting.files(),
            findings=tuple(_findings(store)),
            selection=str(store.facts.selection or ""),
            unselected=sum(store.selection.counts.now(Selected.NO).values()),
            final=store.facts.final,
            source_check=store.facts.source_check,
            streamed=store.reporting.streamed,
            nameless=unresolved_ids(store),
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks besides the verdict: the selection, the final check, unresolved ids."""
        said = []
        if self.streamed:
            said.append(
                "the store is not complete: files were left at the source (attachments_mode = "
                '"stream"), so loading needs it'
            )
        if self.selection:
            rest = counted(self.unselected, "record is", "records are")
            said.append(f"selected: {self.selection}; {rest} not selected")
        if self.final and not self.final.reasons:
            said.append(str(self.final))
        if self.source_check:
            said.append(f"{self.source_check} (listed {self.source_check.at:%Y-%m-%d %H:%M} UTC)")
        if self.nameless:
            said.append(self.nameless)
        return tuple(said)

    @property
    def total(self) -> int:
        """The number of records."""
        return sum(row.total for row in self.kinds)

    @property
    def arrived(self) -> int:
        """The number of records that are complete in the target."""
        return sum(row.arrived for row in self.kinds)

    @property
    def skipped(self) -> int:
        """The number of records left out on purpose."""
        return sum(row.states.get(State.SKIPPED, 0) for row in self.kinds)

    @property
    def states(self) -> tuple[State, ...]:
        """The states that occur, in the order that a record goes through."""
        found = {state for row in self.kinds for state in row.states}
        return tuple(state for state in State if state in found)

    def noted(self, group: LossGroup) -> tuple[NoteGroup, ...]:
        """Return the notes on what was lost, changed or moved, or remarks."""
        return tuple(each for each in self.notes if each.reason.group is group)


def _findings(store: Store) -> Iterable[tuple[str, Finding]]:
    yield from (("source", each) for each in store.facts.source_findings)
    yield from (("sink", each) for each in store.facts.sink_findings)


def _notes(store: Store, policy: LossPolicy, limit: int) -> Iterable[NoteGroup]:
    totals: dict[tuple[Level, str], Counter[Kind | None]] = {}
    for each in store.reporting.note_counts():
        totals.setdefault((each.level, each.code), Counter())[each.kind] += each.count
    examples: dict[tuple[Level, str], list[StoredNote]] = {}
    for note in store.reporting.notes(limit_per_code=limit) if limit else ():
        examples.setdefault((note.level, note.code), []).append(note)
    for (level, code), kinds in totals.items():
        yield NoteGroup(
            level=level,
            code=code,
            reason=policy.reason(level, code),
            total=kinds.total(),
            kinds=dict(kinds),
            examples=tuple(examples.get((level, code), ())),
        )


def _problems(
    found: Iterable[Problem], limit: int
) -> tuple[tuple[ProblemGroup, ...], tuple[SkipGroup, ...]]:
    """Group what did not arrive by state, and what was left out by reason."""
    totals: Counter[State] = Counter()
    examples: dict[State, list[Problem]] = {}
    skips: Counter[tuple[Kind, str, bool]] = Counter()
    keys: dict[tuple[Kind, str, bool], list[str]] = {}
    for problem in found:
        if problem.state is State.SKIPPED:
            reason = (problem.kind, problem.reason, problem.loss)
            if reason not in skips and len(skips) >= limit:
                reason = (problem.kind, "other reasons", problem.loss)
            skips[reason] += 1
            if len(kept := keys.setdefault(reason, [])) < limit:
                kept.append(problem.key)
            continue
        totals[problem.state] += 1
        if len(shown := examples.setdefault(problem.state, [])) < limit:
            shown.append(problem)
    groups = tuple(
        ProblemGroup(state=state, total=total, examples=tuple(examples[state]))
        for state, total in totals.items()
    )
    reasons = tuple(
        SkipGroup(kind=kind, reason=reason, loss=loss, total=total, keys=tuple(keys[key]))
        for key, total in skips.most_common()
        for kind, reason, loss in [key]
    )
    return groups, reasons
