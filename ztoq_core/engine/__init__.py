"""The stages of a migration. They speak to plugins and the store; no HTTP, no SQL here."""

from __future__ import annotations

from ztoq_core.engine.extract import extract
from ztoq_core.engine.fields import Gap, gaps
from ztoq_core.engine.final import final
from ztoq_core.engine.images import Gallery
from ztoq_core.engine.load import load
from ztoq_core.engine.names import NAMELESS, nameless
from ztoq_core.engine.probe import probe
from ztoq_core.engine.progress import Event, Progress, Stop
from ztoq_core.engine.resolve import Resolver
from ztoq_core.engine.rollback import Kept, Undone, may_prune, prune, rollback
from ztoq_core.engine.select import remember, remembered, selected
from ztoq_core.engine.transform import observed, transform
from ztoq_core.engine.validate import validate
from ztoq_core.engine.verdict import (
    BEFORE_LOAD,
    Finality,
    Goal,
    Status,
    Verdict,
    last_look,
    outcome,
)
from ztoq_core.engine.watchdog import watched

__all__ = [
    "BEFORE_LOAD",
    "NAMELESS",
    "Event",
    "Finality",
    "Gallery",
    "Gap",
    "Goal",
    "Kept",
    "Progress",
    "Resolver",
    "Status",
    "Stop",
    "Undone",
    "Verdict",
    "extract",
    "final",
    "gaps",
    "last_look",
    "load",
    "may_prune",
    "nameless",
    "observed",
    "outcome",
    "probe",
    "prune",
    "remember",
    "remembered",
    "rollback",
    "selected",
    "transform",
    "validate",
    "watched",
]
