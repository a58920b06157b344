"""What a sample without a finding says about all: against the binomial rule and by counting."""

from __future__ import annotations

from math import comb

import pytest

from ztoq_core.store import Sample


@pytest.mark.parametrize("compared", [30, 300, 1_000])
def test_a_small_share_of_many_comes_to_the_rule(compared: int) -> None:
    total = 1_000_000
    sample = Sample(size=compared, seed=1, compared=compared, total=total)
    rule = 1 - 0.05 ** (1 / compared)
    assert sample.excluded / total == pytest.approx(rule, rel=0.002)


@pytest.mark.parametrize(("compared", "total"), [(4, 12), (50, 60), (90, 100), (1, 3), (200, 900)])
def test_without_replacement_it_is_exact(compared: int, total: int) -> None:
    wrong = Sample(size=compared, seed=1, compared=compared, total=total).excluded

    def none_met(number: int) -> float:
        return comb(total - number, compared) / comb(total, compared)

    assert none_met(wrong) <= 0.05 < none_met(wrong - 1)


def test_what_was_compared_whole_leaves_no_room() -> None:
    assert Sample(size=9, seed=1, compared=5, total=5).excluded == 1
    assert Sample(size=9, seed=1).excluded == 0
