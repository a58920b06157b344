"""The verdict on a migration, which every verb and every report shows.

``facts_of`` is the only place that reads the facts from a store, ``verdict`` the only one that
judges them.
"""

from __future__ import annotations

from ztoq_core.engine.verdict.facts import (
    Extraction,
    Facts,
    Validated,
    facts_of,
    last_final_check,
)
from ztoq_core.engine.verdict.judgement import BEFORE_LOAD, Outcome, Verdict, outcome, verdict
from ztoq_core.engine.verdict.problems import Goal, Status
from ztoq_core.store import FinalCheck
