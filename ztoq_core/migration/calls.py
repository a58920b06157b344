"""The calls to both services in this month and in one run, with their budgets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import attrs

from ztoq_core.contracts import Connection
from ztoq_core.http.limits import CallQuota, Limits, month_of
from ztoq_core.http.transport import Transport
from ztoq_core.records import counted
from ztoq_core.settings.config import Config
from ztoq_core.store import Store


def _allowed(month: Month) -> int | None:
    return month.budget - round(month.budget * month.reserve) if month.budget else None


def _left(month: Month) -> int | None:
    return None if month.allowed is None else max(0, month.allowed - month.made)


@attrs.frozen(kw_only=True)
class Month:
    """The calls to a host in this month; ``allowed`` and ``left`` are None if there is no limit."""

    host: str
    month: str
    made: int
    run: int = 0
    budget: int | None = None
    reserve: float = 0.0
    allowed: int | None = attrs.field(default=attrs.Factory(_allowed, takes_self=True))
    left: int | None = attrs.field(default=attrs.Factory(_left, takes_self=True))

    def __str__(self) -> str:
        """Return the counts in words."""
        text = f"{counted(self.made, 'call')} to {self.host} this month (UTC)"
        if self.allowed is not None:
            text += f", of {self.allowed:,}"
            if self.reserve:
                text += f" (the budget of {self.budget:,} less {self.reserve:.0%} for others)"
        elif self.left is not None:
            text += f", {self.left:,} are left"
        return text


def calls_of_month(config: Config, store: Store) -> list[Month]:
    """Return the calls that the store has counted this month, with the budgets of the config."""
    month = month_of(datetime.now(UTC))
    connections = {
        Transport(settings).service: settings
        for settings in (part.settings for part in config.sides)
        if isinstance(settings, Connection)
    }
    return [
        Month(
            host=host,
            month=month,
            made=made,
            budget=(connections[host].monthly_budget if host in connections else 0)
            or announced
            or None,
            reserve=connections[host].reserve if host in connections else 0.0,
        )
        for host, (made, announced) in store.call_counts.of.now(month).items()
    ]


def calls_of_run(quotas: Iterable[CallQuota], limits: Limits) -> list[Month]:
    """Return the calls of this month at the end of a run, with those that it made itself."""
    months = {
        each.host: Month(
            host=each.host,
            month=each.month,
            made=each.made,
            run=limits.calls[each.host],
            budget=each.budget or each.whole or None,
            reserve=each.reserve,
            left=each.left,
        )
        for each in quotas
    }
    return list(months.values())
