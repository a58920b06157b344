"""Judges whether an execution took place: the one place that decides ``TestLog.executed``.

It took place if anything says so: its status, a date together with a person or a duration, a
comment, a file, a result of a step. It did not if nothing does. A team chooses the default status
(it may be "Pass") and executions that never took place may carry a date (facts of real projects),
so neither decides by itself. ``docs/mapping.md`` shows the table to users.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ztoq_core.plugin import StepResult, TestLog

__all__ = ["EXECUTED", "UNEXECUTED", "Judge"]

UNEXECUTED = (
    "Not Executed",
    "Unexecuted",
    "Not Run",
    "Not Started",
    "Not Tested",
    "Untested",
    "No Run",
    "To Do",
    "Todo",
)
"""Names of statuses that say that nothing took place, unless ``[source]`` names others."""
EXECUTED = ("Pass", "Passed", "Fail", "Failed", "Blocked", "In Progress", "WIP")
"""Names of statuses that say that something did: Zephyr's own, and those of Zephyr Squad."""


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(" ".join(name.casefold().split()) for name in names)


@attrs.frozen
class Judge:
    """The table of names that a project is judged by."""

    executed: frozenset[str] = attrs.field(default=EXECUTED, converter=_folded)
    unexecuted: frozenset[str] = attrs.field(default=UNEXECUTED, converter=_folded)

    def says_executed(self, status: str, *, default: bool) -> bool:
        """Return whether the name of a status alone says that something took place.

        A name that is in no list says so unless it is the project's default: that is what
        executions have which nobody has touched.
        """
        (name,) = _folded((status,))
        if not name or name in self.unexecuted:
            return False
        return name in self.executed or not default

    def took_place(self, log: TestLog, defaults: frozenset[str]) -> bool:
        """Return whether an execution took place.

        ``log`` is complete: with its results and the number of its files. ``defaults`` are the
        names of the project's default statuses of executions.
        """
        return (
            self.says_executed(log.status, default=log.status in defaults)
            # where no status speaks, a date alone does
            or (log.ended is not None and bool(log.executed_by or log.duration or not log.status))
            or bool(log.comment.strip())
            or log.files > 0
            or any(self._happened(result, defaults) for result in log.results)
        )

    def _happened(self, result: StepResult, defaults: frozenset[str]) -> bool:
        """Return whether a step was executed: Zephyr lists the steps of all executions."""
        return bool(result.actual.strip() or result.links) or self.says_executed(
            result.status, default=result.status in defaults
        )
