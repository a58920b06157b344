"""The options of the default mapping."""

from __future__ import annotations

import attrs

__all__ = ["Options"]


@attrs.frozen(kw_only=True)
class Options:
    """The ``[[transform]]`` table with ``use = "zephyr-qtest"``.

    ``approved_statuses`` are the statuses of cases that the target is to approve even if nothing
    was executed. ``unknown_date`` (ISO 8601) stands for the date of an execution where neither it
    nor its cycle has one. The others are the names of the containers that the mapping adds.
    """

    approved_statuses: tuple[str, ...] = ("Approved",)
    unknown_date: str = "2000-01-01T00:00:00Z"
    no_folder: str = "No folder"
    other_projects: str = "Other projects"
    gone: str = "Gone from Zephyr"
    requirements: str = "Jira issues from Zephyr"
    cycle_documents: str = "Cycle documents"
    ad_hoc: str = "Ad hoc executions"
