"""A sink in memory that deletes as qTest does: files with their owner, logs with their run."""

from __future__ import annotations

from typing import Any

import attrs
from ztoq_testkit.memory import MemorySink

from ztoq_core.records import Kind


class Deleting(MemorySink):
    """Lets logs go with their run."""

    def __init__(self, **settings: Any) -> None:
        """Start empty."""
        super().__init__(**settings)
        along = frozenset({Kind.ATTACHMENT, Kind.TEST_LOG})
        self.schema = attrs.evolve(self.schema, goes_with_owner=along)
