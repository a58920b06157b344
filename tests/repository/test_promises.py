"""The tests that docs/promises.md names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text("utf-8")
SECTIONS = re.split(r"^## (?=\d)", PAGE, flags=re.MULTILINE)[1:]
NAMED = sorted(set(re.findall(r"`([\w./-]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_exists(path: str, name: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    defined = rf"^(?:async def {name}\(|def {name}\(|{name} = )"
    assert not name or re.search(defined, text, re.MULTILINE)


def test_each_promise_has_tests_and_says_under_which_conditions() -> None:
    assert [int(section.partition(".")[0]) for section in SECTIONS] == list(range(1, 10))
    for section in SECTIONS:
        assert "::test_" in section
        assert "*Conditions:*" in section or "*Cannot be given:*" in section
