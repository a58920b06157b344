"""The stages of a migration. They speak to plugins and the store; no HTTP, no SQL here."""

from __future__ import annotations

from ztoq_core.engine.extract.extract import extract
from ztoq_core.engine.extract.id_names import NAMELESS, nameless
from ztoq_core.engine.final_check import final
from ztoq_core.engine.load.load import load
from ztoq_core.engine.load.search_lag import probe
from ztoq_core.engine.load.target_fields import Gap, gaps
from ztoq_core.engine.resolve import Resolver
from ztoq_core.engine.rollback import Kept, Undone, may_prune, prune, rollback
from ztoq_core.engine.run import Event, Progress, Run, StopRequest
from ztoq_core.engine.schema_inference import infer_schema
from ztoq_core.engine.transform.selection import remember, remembered, selected
from ztoq_core.engine.transform.transform import transform
from ztoq_core.engine.validate.validate import validate
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
from ztoq_core.pictures.collector import PictureSources

__all__ = [
    "BEFORE_LOAD",
    "NAMELESS",
    "Event",
    "Finality",
    "Gap",
    "Goal",
    "Kept",
    "PictureSources",
    "Progress",
    "Resolver",
    "Run",
    "Status",
    "StopRequest",
    "Undone",
    "Verdict",
    "extract",
    "final",
    "gaps",
    "infer_schema",
    "last_look",
    "load",
    "may_prune",
    "nameless",
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
