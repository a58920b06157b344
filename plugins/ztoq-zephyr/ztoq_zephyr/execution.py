"""Decides whether an execution took place (``TestLog.executed``); nothing else does.

It took place if anything shows it: its status, a date together with a person or a duration, a
comment, a file, a result of a step. A team chooses the default status (it may be "Pass"), and
executions that never took place may have a date (facts of real projects), so neither is enough
alone. ``docs/mapping.md`` shows the table to users.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ztoq_core.plugin import StepResult, TestLog

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
"""Statuses of executions that did not take place, unless ``[source]`` lists others."""
EXECUTED = ("Pass", "Passed", "Fail", "Failed", "Blocked", "In Progress", "WIP")
"""Statuses of executions that did: Zephyr's own, and those of Zephyr Squad."""


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(" ".join(name.casefold().split()) for name in names)


@attrs.frozen
class ExecutionPolicy:
    """The statuses of a project, and how they and other facts decide."""

    executed: frozenset[str] = attrs.field(default=EXECUTED, converter=_folded)
    unexecuted: frozenset[str] = attrs.field(default=UNEXECUTED, converter=_folded)

    def says_executed(self, status: str, *, default: bool) -> bool:
        """Return whether a status alone means that the execution took place.

        A status in neither list means that, unless it is the project's default, which executions
        have that nobody has touched.
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
            # without a status, a date alone is enough
            or (log.ended is not None and bool(log.executed_by or log.duration or not log.status))
            or bool(log.comment.strip())
            or log.files > 0
            or any(self.happened(result, defaults) for result in log.results)
        )

    def happened(self, result: StepResult, defaults: frozenset[str]) -> bool:
        """Return whether a step was executed; Zephyr lists the steps of all executions."""
        return bool(result.actual.strip() or result.links) or self.says_executed(
            result.status, default=result.status in defaults
        )
