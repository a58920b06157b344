"""The options of the default mapping."""

from __future__ import annotations

import attrs

CONTAINERS = ("no_folder", "other_projects", "gone", "requirements", "cycle_documents", "ad_hoc")
"""The options that name containers."""


@attrs.frozen(kw_only=True)
class Options:
    """The ``[[transform]]`` table with ``use = "to-qtest"``.

    ``approved_statuses`` are the statuses of cases that the target is to approve even if nothing
    was executed. ``unknown_date`` (ISO 8601) stands for the date of an execution where neither it
    nor its cycle has one. ``no_folder``, ``other_projects``, ``gone``, ``requirements``,
    ``cycle_documents`` and ``ad_hoc`` are the names of the containers that the mapping adds;
    ``{source}`` in them is the name of the source's product.
    """

    approved_statuses: tuple[str, ...] = ("Approved",)
    unknown_date: str = "2000-01-01T00:00:00Z"
    no_folder: str = "No folder"
    other_projects: str = "Other projects"
    gone: str = "Gone from {source}"
    requirements: str = "Jira issues from {source}"
    cycle_documents: str = "Cycle documents"
    ad_hoc: str = "Ad hoc executions"
