"""What the modules offer: ``__all__`` is true, and the doors hand on what they say."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import ztoq_core
from ztoq_core import addresses, contracts, errors, plugin, records, tally

ROOT = Path(ztoq_core.__file__).parent
MODULES = [
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(ROOT.rglob("*.py"))
    if path.name != "__main__.py"
]


@pytest.mark.parametrize("name", MODULES)
def test_all_is_true(name: str) -> None:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    assert len(names) == len(set(names))
    missing = [each for each in names if not hasattr(module, each)]
    assert not missing


def test_the_door_for_plugin_authors_hands_on_all_that_they_may_use() -> None:
    modules = (addresses, contracts, errors, records, tally)
    offered = {"counted", "hookimpl", *(name for each in modules for name in each.__all__)}
    assert set(plugin.__all__) == offered
    assert plugin.__all__ == sorted(plugin.__all__, key=lambda name: (not name.isupper(), name))


def test_the_door_hands_on_the_very_same_objects() -> None:
    for module in (addresses, contracts, errors, records, tally):
        for name in module.__all__:
            assert getattr(plugin, name) is getattr(module, name)
