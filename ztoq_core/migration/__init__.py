"""A whole migration for programs that embed ztoq, and for the command line.

``Migration`` joins what a configuration names: store, sides, default mapping, pictures, limits.
"""

from __future__ import annotations

from ztoq_core.migration.migration import SOURCE_AGAIN, Migration, Result
from ztoq_core.migration.stages import ALL, RunOptions

__all__ = ["ALL", "SOURCE_AGAIN", "Migration", "Result", "RunOptions"]
