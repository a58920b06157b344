"""Resolves ids that Zephyr gives to names: from CSV files first, then from Jira."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ztoq_core.plugin import Finding, IdKind, ResolvedName
from ztoq_zephyr.config import JiraConfig
from ztoq_zephyr.jira import Jira

__all__ = ["NOBODY", "IdDirectory"]

NOBODY = (
    "Jira is not configured: set base_url, email and token in [source.jira], or CSV files (issues,"
    " users, components, versions), and extract again"
)


@attrs.frozen
class IdDirectory:
    """Everything that can be asked for a name.

    ``csv_names`` holds the lines of the CSV files by id; ``jira`` is None without a Jira
    site, ``config`` where nothing is configured.
    """

    config: JiraConfig | None = None
    csv_names: Mapping[IdKind, Mapping[str, ResolvedName]] = attrs.field(factory=dict)
    jira: Jira | None = None

    @property
    def advice(self) -> str:
        """What a person can do about ids that stay unknown."""
        if self.config is None:
            return NOBODY
        if self.jira is None:
            return (
                "the CSV files in [source.jira] do not hold them: add their lines, or set base_url,"
                " email and token, and extract again"
            )
        return (
            f"Jira {self.jira.host} does not know them or does not show them to the user of the"
            " token: let a user ask who may see them, or name them in CSV files in [source.jira],"
            " and extract again"
        )

    async def check(self) -> tuple[Finding, ...]:
        """Look at the connection; raises as ``Jira.check``."""
        if self.config is None:
            return (Finding(level="info", text=NOBODY),)
        return await self.jira.check() if self.jira else ()

    def at_hand(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return the lines of the files."""
        lines = self.csv_names.get(topic, {})
        return tuple(lines[id_] for id_ in ids if id_ in lines)

    async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return what Jira knows of the ids that no line of a file names."""
        if self.jira is None:
            return ()
        lines = self.csv_names.get(topic, {})
        return await self.jira.look_up(topic, [id_ for id_ in ids if id_ not in lines])
