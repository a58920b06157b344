"""Makes a plan with what it takes: calls by service, time, days, disk; reads its file."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from ztoq_core import engine
from ztoq_core.contracts import Connection, Sink
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.http.limits import Limits
from ztoq_core.http.transport import Transport
from ztoq_core.installed import core_version
from ztoq_core.losses import LossAction, Losses, LossPolicy
from ztoq_core.migration.calls import Month, calls_of_month
from ztoq_core.settings.config import Config
from ztoq_core.store import Store
from ztoq_core.text_files import read_text
from ztoq_core.time_window import TimeWindow

ENOUGH = 100
"""Answers of a run from which its pace is remembered for later plans."""

_ROW = 1000
"""Bytes by which the store grows for each record that is written: its journal and its object."""


@attrs.frozen(kw_only=True)
class Forecast:
    """A plan, and what it takes.

    ``policy`` says which losses fail. ``opening`` are the calls of a load before its first write.
    ``seconds`` are the least and the most, None where no service was called. ``grows`` are the
    bytes that the store grows by, ``free`` those beside it, None for a server.
    """

    plan: engine.Plan
    policy: LossPolicy
    service: str = ""
    source: str = ""
    opening: int = 0
    speed: engine.Speed | None = None
    seconds: tuple[float, float] | None = None
    days: tuple[engine.Day, ...] = ()
    month: Month | None = None
    window: TimeWindow | None = None
    grows: int = 0
    free: int | None = None

    @property
    def calls(self) -> int:
        """The calls of the load to the target."""
        return self.plan.calls + self.opening

    @property
    def losses(self) -> Losses:
        """What would be lost, changed or moved, with what the configuration says of that."""
        return self.policy.judge((each.level, each.code, each.count) for each in self.plan.changes)

    @property
    def refused_losses(self) -> int:
        """How many losses make a migration fail."""
        return sum(each.count for each in self.losses.with_action(LossAction.FAIL))

    @property
    def exit(self) -> Exit:
        """2 where the load would end before its first write, 1 where something would be left."""
        if self.plan.blocked:
            return Exit.START
        return Exit.OK if self.plan.clean and not self.refused_losses else Exit.LEFT

    def seconds_of(self, calls: int) -> float | None:
        """Return about how long so many of the calls take."""
        return calls / self.speed.a_second if self.speed else None

    def facts(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": core_version(),
            "exit": int(self.exit),
            "clean": self.plan.clean,
            "blocked": self.plan.blocked,
            **attrs.asdict(self.plan),
            "losses": self.losses.as_facts(),
            "calls": self.calls,
            "opening_calls": self.opening,
            "service": self.service,
            "speed": self.speed and attrs.asdict(self.speed),
            "seconds": self.seconds,
            "days": [{"day": each.day.isoformat(), "calls": each.calls} for each in self.days],
            "month": self.month and attrs.asdict(self.month),
            "window": str(self.window or ""),
            "store_bytes": self.grows,
            "free_bytes": self.free,
        }


async def make_plan(  # noqa: PLR0913 - what a load is given, too
    config: Config,
    run: engine.Run,
    sink: Sink,
    limits: Limits,
    *,
    accept_missing_fields: bool,
    on_conflict: str,
) -> Forecast:
    """Return the plan of a load, with what it takes by what is known of the services now."""
    plan = await engine.plan(
        run,
        sink,
        mapping=mapping_digest(config),
        accept_missing_fields=accept_missing_fields,
        on_conflict=on_conflict,
    )
    store, settings = run.store, config.sink.settings
    written = plan.total.create + plan.total.update + plan.total.adopt
    source = config.source.settings
    forecast = Forecast(
        plan=plan,
        policy=config.losses,
        source=Transport(source).service if isinstance(source, Connection) else "",
        grows=_ROW * written,
        free=shutil.disk_usage(config.folder).free if store.database.is_sqlite else None,
    )
    if not isinstance(settings, Connection):
        return forecast
    host = Transport(settings).service
    opening = max(0, limits.calls[host] - plan.looks)
    speed = _speed(settings, store, limits, host)
    calls = plan.calls + opening
    seconds = engine.seconds_for(calls, plan.in_a_row + min(opening, _OPENING), speed)
    month = next((each for each in calls_of_month(config, store) if each.host == host), None)
    window = TimeWindow.parse(settings.window) if settings.window else None
    days: tuple[engine.Day, ...] = ()
    if window or (month and month.allowed is not None):
        days = engine.days(
            calls,
            sum(seconds) / 2,
            now=datetime.now().astimezone(),
            window=window,
            left=month.left if month else None,
            a_month=month.allowed if month else None,
        )
    return attrs.evolve(
        forecast,
        service=host,
        opening=opening,
        speed=speed,
        seconds=seconds,
        days=days,
        month=month,
        window=window,
    )


_OPENING = 30
"""Of the calls before the first write so many wait for each other; the others are made at once."""


def _speed(settings: Connection, store: Store, limits: Limits, host: str) -> engine.Speed:
    """Return how fast the host answers: in the last run of many calls, or else just now.

    A run that wrote knows more than a plan, which only reads.
    """
    now, before = limits.paces[host], store.facts.paces.get(host)
    rates = [each for each in (settings.rate, before and before["rate"]) if each]
    minutes = max(now.a_minute, int(before["a_minute"]) if before else 0)
    answers = int(before["answers"]) if before else now.answers
    return engine.Speed(
        latency=before["seconds"] / answers if before else now.latency,
        answers=answers,
        at_once=settings.in_flight,
        rate=min(rates, default=0.0),
        a_minute=minutes,
        earlier=before is not None,
    )


def mapping_digest(config: Config) -> str:
    """Return a digest of the mapping's configuration, with the contents of its files."""
    return hashlib.sha256(repr(config.mapping()).encode()).hexdigest()


def read_plan(path: Path) -> engine.PlanKey:
    """Return what a load needs of a plan that ``ztoq plan --output`` wrote.

    Raises:
        ConfigError: It is not the file of a plan.
    """
    text = read_text(path, "plan", "make one with `ztoq plan --output FILE`")
    try:
        return engine.PlanKey(**json.loads(text)["key"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{str(path)!r} is not the plan that `ztoq plan` writes") from error
