"""Each folder in ``cases`` is a record before and after; ``--update`` rewrites the latter."""

from __future__ import annotations

from pathlib import Path

import pytest
from ztoq_mappings import testing as golden
from ztoq_mappings.to_qtest import TO_QTEST

CASES = golden.cases(Path(__file__).parent / "cases")


@pytest.mark.parametrize("case", CASES, ids=golden.name)
def test_a_golden_case(case: golden.Case, request: pytest.FixtureRequest) -> None:
    golden.check(case, TO_QTEST, update=golden.updating(request))
