"""``pytest --update`` rewrites what the golden cases expect."""

from __future__ import annotations

from ztoq_testkit.golden import pytest_addoption

__all__ = ["pytest_addoption"]
