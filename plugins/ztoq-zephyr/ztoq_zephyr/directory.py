"""Resolves Zephyr's ids to names: from CSV files first, then from Jira."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ztoq_core.plugin import Finding, IdKind, ResolvedName
from ztoq_zephyr.config import JiraConfig
from ztoq_zephyr.jira import Jira

NOBODY = (
    "Jira is not configured: set base_url, email and token in [source.jira], or CSV files (issues,"
    " users, components, versions), and extract again"
)


@attrs.frozen
class IdDirectory:
    """The names of ids, from all configured places.

    ``csv_names`` are the lines of the CSV files by id; ``jira`` is None without a Jira site,
    ``config`` is None without any configuration.
    """

    config: JiraConfig | None = None
    csv_names: Mapping[IdKind, Mapping[str, ResolvedName]] = attrs.field(factory=dict)
    jira: Jira | None = None

    @property
    def advice(self) -> str:
        """What people can do about ids that stay unknown."""
        if self.config is None:
            return NOBODY
        if self.jira is None:
            return (
                "the CSV files in [source.jira] do not have them: add their lines, or set base_url,"
                " email and token, and extract again"
            )
        return (
            f"Jira {self.jira.host} does not know them or does not show them to the user of the"
            " token: use the token of a user who may see them, or add them to CSV files in"
            " [source.jira], and extract again"
        )

    async def check(self) -> tuple[Finding, ...]:
        """Check the connection; raises as ``Jira.check``."""
        if self.config is None:
            return (Finding(level="info", text=NOBODY),)
        return await self.jira.check() if self.jira else ()

    def at_hand(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return the lines of the files."""
        lines = self.csv_names.get(topic, {})
        return tuple(lines[id_] for id_ in ids if id_ in lines)

    async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return the names that Jira has for ids that no file has."""
        if self.jira is None:
            return ()
        lines = self.csv_names.get(topic, {})
        return await self.jira.look_up(topic, [id_ for id_ in ids if id_ not in lines])
