"""The names that docs/mapping.md promises: labels of fields, modules, statuses."""

from __future__ import annotations

KEY_LABEL = "Zephyr key"
AD_HOC = "Ad hoc executions"
REQUIREMENTS_MODULE = ("Jira issues from Zephyr",)
OWN_MODULES = frozenset([REQUIREMENTS_MODULE])
DOCUMENTS_MODULE = ("Cycle documents",)
REVERSED_LABEL = "Planned dates"
DATE_LABELS = ("Planned Start Date", "Planned End Date")

CASE_LABELS = {
    "status": "Zephyr status",
    "priority": "Zephyr priority",
    "labels": "Labels",
    "component": "Component",
    "owner": "Zephyr owner",
    "created": "Zephyr created",
}
"""Our names of what a case has beside custom fields -> the target's labels; "" is not compared."""

CYCLE_LABELS = {"status": "Zephyr status", "owner": "Zephyr owner", "description": "Description"}
PLAN_LABELS = {"status": "Zephyr status", "owner": "Zephyr owner", "labels": "Labels"}
RUN_LABELS: dict[str, str] = {}

STATUSES = {
    "Not Executed": "Unexecuted",
    "In Progress": "Incomplete",
    "Pass": "Passed",
    "Fail": "Failed",
    "Blocked": "Blocked",
    "Pass with remarks": "Passed",
    "Retest": "Incomplete",
    "Skipped": "Incomplete",
}
"""The source's execution statuses -> the target's."""
