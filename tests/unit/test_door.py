"""The door for embedders."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ztoq_core


@pytest.mark.parametrize("name", ztoq_core.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(ztoq_core, name) is not None


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="'nothing'"):
        ztoq_core.nothing  # noqa: B018 - asking is the test


def test_the_door_imports_nothing_by_itself() -> None:
    code = "import sys, ztoq_core; print([m for m in ('aiohttp', 'peewee') if m in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
