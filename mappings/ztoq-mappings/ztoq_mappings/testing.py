"""Runs the golden cases of a transformer under pytest; ``pytest --update`` rewrites them.

They are the same cases that ``ztoq map test`` runs. In a test::

    CASES = golden.cases(Path(__file__).parent / "cases")


    @pytest.mark.parametrize("case", CASES, ids=golden.name)
    def test_a_golden_case(case: golden.Case, request: pytest.FixtureRequest) -> None:
        golden.check(case, HOUSE, update=golden.updating(request))

In ``conftest.py``, for the option: ``from ztoq_mappings.testing import pytest_addoption``.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ztoq_core.contracts import Skip, TransformerPlugin
from ztoq_core.errors import RecordError
from ztoq_mappings.workbench.golden import Case, built, differences, read_cases, rewrite, run

__all__ = ["Case", "cases", "check", "name", "pytest_addoption", "updating"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--update``, once however many folders of tests ask for it."""
    with suppress(ValueError):  # it is there already
        parser.addoption("--update", action="store_true", help="rewrite out.json of golden cases")


def updating(request: pytest.FixtureRequest) -> bool:
    """Return whether ``--update`` was given."""
    return bool(request.config.getoption("--update", default=False))


def cases(folder: Path) -> tuple[Case, ...]:
    """Return the cases in the folder; raises ConfigError where one cannot be read."""
    return read_cases(folder)


def name(case: Case) -> str:
    """Return what a case is called."""
    return case.name


def check(case: Case, plugin: TransformerPlugin[Any], *, update: bool = False) -> None:
    """Hold what the transformer makes of a case against its ``out.json``, and its promises.

    Kind and key stay, the same input gives the same output, and what it brings passes unchanged.
    """
    transform = built(case, plugin)
    found = run(case, [transform])
    assert run(case, [transform]) == found, f"{plugin.name} gave something else the second time"
    with suppress(Skip, RecordError):
        record = transform(case.record)
        assert record.ref == case.record.ref, f"{plugin.name} changed kind or key"
        for each in record.companions:
            assert transform(each) == each, f"{plugin.name} changes {each.ref}, which it brings"
    if update:
        rewrite(case, found)
        return
    wrong = differences(case.expected, found)
    assert not wrong, "\n".join((f"{case.name}:", *wrong))
