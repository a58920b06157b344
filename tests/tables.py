"""Less of what takes long for each run of the tests, all of it for the acceptance run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet
from hypothesis import settings


def sampled(rows: Iterable[Any], every: int) -> list[Any]:
    """Return the rows for ``parametrize``; all but each ``every``-th one are for acceptance.

    A row of several arguments is a tuple or a ``pytest.param``.
    """
    return [_later(row) if number % every else row for number, row in enumerate(rows)]


def examples(part: float) -> int:
    """Return this part of the examples that the profile draws, for what takes long with each."""
    usual = settings.default
    assert usual
    return int(usual.max_examples * part)


def _later(row: Any) -> ParameterSet:
    if isinstance(row, ParameterSet):
        return pytest.param(*row.values, id=row.id, marks=[*row.marks, pytest.mark.acceptance])
    values = row if isinstance(row, tuple) else (row,)
    return pytest.param(*values, marks=pytest.mark.acceptance)
