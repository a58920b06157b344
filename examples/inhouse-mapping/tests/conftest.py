"""``pytest --update`` rewrites what the golden cases expect."""

from __future__ import annotations

from ztoq_core.testing.golden import pytest_addoption

__all__ = ["pytest_addoption"]
