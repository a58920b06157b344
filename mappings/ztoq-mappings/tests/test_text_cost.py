"""Texts of any size cost in proportion to it, however broken they are.

Work is compared between two sizes. Quadratic work at eight times the size is 64 times as much;
the limit lies far from both, and what is too quick to be measured passes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.pieces import pieces
from ztoq_mappings.text.keys import Keys
from ztoq_mappings.texts import is_html, rich
from ztoq_zephyr.rules import mask_parameters

from ztoq_core.engine.transform.step_matching import FlatStep, match_results
from ztoq_core.pictures.addresses import images_in, resolve_addresses
from ztoq_core.plugin import ADDRESS, Kind, Ref, StepResult, TestLog

UNITS = [
    *("<", "<img", '<img src="', "<img src='", "<img src=a ", "<a", "<a href='", "</a", "<!--"),
    *("<![", "<?", "<script>", "<var>", "<br", "<p ", "&", "&#0", "{", "[", "=", '"', "/testCase"),
]
OWN = Ref(Kind.TEST_CASE, "ACME-T1")


def joined(text: str) -> None:
    result = StepResult(key="1", status="", description=text)
    log = TestLog(key="E", run=Ref(Kind.TEST_RUN, "R"), case=OWN, status="", results=(result,))
    match_results(log, [FlatStep("1", ("x", "", ""))], mask_parameters)


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "images_in": lambda text: list(images_in(f"<img>{text}")),
    "resolve_addresses": lambda text: resolve_addresses(ADDRESS + text, {}),
    "join": joined,
    "rich": lambda text: rich(text, NoteCollector()),
    "is_html": is_html,
    "pieces": pieces,
    "keys": lambda text: Keys(["ACME"]).linked(text, OWN),
}


def seconds(function: Callable[[str], object], text: str) -> float:
    begun = time.process_time()
    function(text)
    return time.process_time() - begun


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_time_is_in_proportion_to_the_text(name: str, unit: str) -> None:
    small, large = unit * 2_500, unit * 20_000
    large_s = seconds(FUNCTIONS[name], large)
    # the shortest of some is what the work itself takes
    small_s = min(seconds(FUNCTIONS[name], small) for _ in range(3))
    assert large_s < 0.5 or large_s < 30 * small_s
