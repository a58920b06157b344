"""What a plugin's tests are made of: contract suites, doubles in memory, a small project.

The suites and fixtures need pytest: ``pip install "ztoq-testkit[pytest]"``.
``ztoq_testkit.simulate``, the kit for simulators, works without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ztoq_testkit.lending import Notes, lent
    from ztoq_testkit.memory import MemoryDirectory, MemorySink, MemorySource, PowerCut
    from ztoq_testkit.project import CONTENTS, PROJECT
    from ztoq_testkit.sinks import SinkContract
    from ztoq_testkit.sources import SourceContract

__all__ = [
    "CONTENTS",
    "PROJECT",
    "MemoryDirectory",
    "MemorySink",
    "MemorySource",
    "Notes",
    "PowerCut",
    "SinkContract",
    "SourceContract",
    "lent",
]

_HOMES = {
    "CONTENTS": "project",
    "PROJECT": "project",
    "MemoryDirectory": "memory",
    "MemorySink": "memory",
    "MemorySource": "memory",
    "Notes": "lending",
    "PowerCut": "memory",
    "SinkContract": "sinks",
    "SourceContract": "sources",
    "lent": "lending",
}
_SUITES = ("sinks", "sink_contents", "sink_deletion", "sources")


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that a simulator needs no pytest."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if home in _SUITES:
        import pytest  # noqa: PLC0415 - see above

        # before the suite is imported, so that its failing asserts show their values
        pytest.register_assert_rewrite(*(f"{__name__}.{each}" for each in _SUITES))
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
