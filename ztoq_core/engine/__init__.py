"""The stages of a migration. They speak to plugins and the store; no HTTP, no SQL here."""

from __future__ import annotations

from ztoq_core.engine.extract.extract import extract
from ztoq_core.engine.extract.id_names import UNRESOLVED_IDS, unresolved_ids
from ztoq_core.engine.load.load import load
from ztoq_core.engine.load.search_lag import probe
from ztoq_core.engine.load.target_fields import MissingField, missing_fields
from ztoq_core.engine.plan.cost import Day, Speed, days, seconds_for
from ztoq_core.engine.plan.plan import KindPlan, Plan, PlanKey, plan, require_same
from ztoq_core.engine.resolve import Resolver
from ztoq_core.engine.rollback.rollback import (
    KeptObject,
    RollbackResult,
    may_prune,
    prune,
    rollback,
)
from ztoq_core.engine.run import Edge, Event, Progress, Run
from ztoq_core.engine.schema_inference import infer_schema
from ztoq_core.engine.sides import checked, described, lacks, open_side
from ztoq_core.engine.source_check import check_source, verify_source_unchanged
from ztoq_core.engine.transform.transform import transform
from ztoq_core.engine.validate.validate import validate
from ztoq_core.engine.verdict.judgement import BEFORE_LOAD, Outcome, Verdict, outcome
from ztoq_core.engine.verdict.problems import Goal, Status
from ztoq_core.engine.watchdog import watched
from ztoq_core.pictures.collector import PictureSources
from ztoq_core.waits import Waits
