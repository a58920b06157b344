"""``pytest --update`` rewrites what the golden cases expect."""

from __future__ import annotations

from ztoq_mappings.testing import pytest_addoption

__all__ = ["pytest_addoption"]
