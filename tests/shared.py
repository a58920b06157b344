"""The folder of vendors' documents and real data beside the repository, which few machines have."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Tests that read from it are marked ``shared(path)`` and skipped where the path is missing."""
