"""The command ``ztoq``: thin; each verb opens what it needs and calls the engine.

The modules that declare verbs import only click and what is as quick, so that ``ztoq --help``
answers at once; what a verb needs is imported when it runs.
"""

from __future__ import annotations

from ztoq_core.cli.app import main, run

__all__ = ["main", "run"]
