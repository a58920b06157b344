"""Writes Tricentis qTest projects: the sink ``qtest`` of ztoq."""

from __future__ import annotations

from collections.abc import Iterable

from ztoq_core.plugin import SinkPlugin, hookimpl
from ztoq_qtest.config import QtestConfig
from ztoq_qtest.fields.encoding import LIMITS
from ztoq_qtest.note_codes import NOTE_CODES
from ztoq_qtest.rights import RIGHTS, SIDE_EFFECTS
from ztoq_qtest.sink import open_qtest

__all__ = ["QtestConfig", "open_qtest", "ztoq_sinks"]


@hookimpl
def ztoq_sinks() -> Iterable[SinkPlugin[QtestConfig]]:
    """Declare the sink."""
    yield SinkPlugin(
        name="qtest",
        summary="Tricentis qTest Manager, API v3 (SaaS and on-premises)",
        config=QtestConfig,
        open=open_qtest,
        limits=LIMITS,
        rights=RIGHTS,
        side_effects=SIDE_EFFECTS,
        note_codes=NOTE_CODES,
    )
