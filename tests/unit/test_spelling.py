"""Messages about misspelt names."""

from __future__ import annotations

import pytest

from ztoq_core.plugin import closest, folded, nearest


@pytest.mark.parametrize(
    ("name", "known", "end"),
    [
        ("approved", ["Approved", "Draft"], " (did you mean 'Approved'?)"),
        ("zzz", ["b", "a"], " (known: a, b)"),
        ("zzz", [], ""),
        ("zzz", [f"l{n:02}" for n in range(22)], ", l18, l19 and 2 more)"),
    ],
)
def test_a_message_names_the_nearest_name_or_some(name: str, known: list[str], end: str) -> None:
    assert nearest(name, known).endswith(end)


def test_names_are_compared_without_case_and_blanks() -> None:
    assert folded("  Stra\u00dfe ") == "strasse"
    assert closest("pRioritY ", ["Priority", "Owner"]) == "Priority"
    assert not closest("x", ["Priority"])


def test_a_name_that_is_like_no_other_gets_no_wrong_hint() -> None:
    assert nearest("bogus", ["use"]) == " (known: use)"
    assert "format" not in nearest("folder", ["format"]).partition("known")[0]
