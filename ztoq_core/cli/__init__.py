"""The command ``ztoq``: each verb opens what it needs and calls the engine.

Modules are imported when their verb is called, so that ``ztoq --help`` is quick.
"""

from __future__ import annotations

from ztoq_core.cli.app import main, run

__all__ = ["main", "run"]
