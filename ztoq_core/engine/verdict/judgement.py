"""The verdict on a migration: a pure function from facts to headline, exit code and reasons."""

from __future__ import annotations

from enum import StrEnum

import attrs

from ztoq_core.engine.verdict.facts import Facts, facts_of
from ztoq_core.engine.verdict.problems import (
    Goal,
    Status,
    is_undone,
    numbers_of,
    problems_of,
    records,
    warnings_of,
)
from ztoq_core.errors import Exit
from ztoq_core.losses import LossAction, Losses, LossPolicy
from ztoq_core.records import LossGroup, counted
from ztoq_core.store import State, Store


class Outcome(StrEnum):
    """What a verdict comes to, in six words for people and programs."""

    PROVED = "complete and proved"
    NOT_PROVED = "complete, not proved yet"
    LOSSES = "complete with losses"
    INCOMPLETE = "incomplete"
    UNDONE = "undone"
    FAILED = "failed"


_OUTCOMES = {
    Status.COMPLETE: Outcome.PROVED,
    Status.NOT_PROVED: Outcome.NOT_PROVED,
    Status.NOT_VALIDATED: Outcome.NOT_PROVED,
    Status.NOT_FINAL: Outcome.NOT_PROVED,
    Status.LOSSES: Outcome.LOSSES,
    Status.COMPLETE_WITH_LOSSES: Outcome.LOSSES,
    Status.FAILED: Outcome.FAILED,
}

BEFORE_LOAD = (Status.EMPTY, Status.EXTRACTION_INCOMPLETE, Status.NOT_MAPPED)
"""The verdicts that say that a load would write a part only, or nothing."""


@attrs.frozen(kw_only=True)
class Verdict:
    """The judgement: ``headline`` and ``sentences`` for people, ``status`` for programs.

    ``warnings`` do not change the exit code, ``numbers`` say how the records add up. ``next`` is
    the command to run, or empty. ``undone``: nothing of the migration is left in the target.
    ``losses`` are counted by group and reason.
    """

    exit: Exit
    status: Status = Status.COMPLETE
    headline: str = ""
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    next: str = ""
    undone: bool = False
    losses: Losses = attrs.field(factory=Losses)

    @property
    def outcome(self) -> Outcome:
        """What it comes to."""
        if self.undone:
            return Outcome.UNDONE
        return _OUTCOMES.get(self.status, Outcome.INCOMPLETE)

    @property
    def lines(self) -> tuple[str, ...]:
        """What people read below the headline."""
        return (*self.sentences, *self.warnings, *self.numbers)

    @property
    def tone(self) -> str:
        """``good`` for a complete migration, ``warn`` for one with losses that do not fail.

        ``open`` for one on its way, else ``bad``.
        """
        if self.status is Status.COMPLETE:
            return "good"
        if self.status is Status.COMPLETE_WITH_LOSSES:
            return "warn"
        on_its_way = {
            Status.NOT_MAPPED,
            Status.NOT_LOADED,
            Status.NOT_VALIDATED,
            Status.NOT_PROVED,
        }
        return "open" if self.status in on_its_way else "bad"


def verdict(facts: Facts, goal: Goal = Goal.VALIDATE) -> Verdict:
    """Judge the facts.

    The headline and the reasons depend on the facts alone; ``goal`` decides which of them make the
    exit code 1, so that ``ztoq extract`` succeeds though nothing has been loaded.
    """
    problems = list(problems_of(facts))
    failed = any(each.goal <= goal for each in problems)
    warnings, numbers = tuple(warnings_of(facts)), tuple(numbers_of(facts))
    if not problems:
        some = counted(facts.count(State.FINISHED), records(facts))
        exist = "exists" if facts.count(State.FINISHED) == 1 else "exist"
        lost = facts.losses.reasons(LossGroup.LOST, LossAction.WARN)
        left_out = sum(each.count for each in facts.uncompared)
        compared = facts.count(State.FINISHED) - left_out
        as_sent = f", {compared:,} of them as they were sent" if left_out else " as they were sent"
        complete = "complete with losses" if lost else "complete and proved"
        return Verdict(
            exit=Exit.OK,
            status=Status.COMPLETE_WITH_LOSSES if lost else Status.COMPLETE,
            headline=f"Migration {complete}: all {some} {exist} in the target{as_sent}",
            warnings=warnings,
            numbers=numbers,
            next="ztoq report" if lost else "",
            losses=facts.losses,
        )
    first, *others = problems
    sentences = [*first.details]
    for each in others:
        sentences += (each.sentence, *each.details) if each.sentence else each.details
    return Verdict(
        exit=Exit.LEFT if failed else Exit.OK,
        status=first.status,
        headline=first.headline,
        sentences=tuple(sentences),
        warnings=warnings,
        numbers=numbers,
        next=first.next,
        undone=is_undone(facts),
        losses=facts.losses,
    )


def outcome(store: Store, goal: Goal = Goal.LOAD, policy: LossPolicy | None = None) -> Verdict:
    """Judge what a store holds. ``policy`` says which losses fail, as in ``facts_of``."""
    return verdict(facts_of(store, policy), goal)
