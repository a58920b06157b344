"""Settings of every test, whichever folder it is in."""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings
from loguru import logger

from tests.shared import SHARED

# a busy machine makes examples slowly; that says nothing about the code
USUAL = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ztoq", USUAL, max_examples=25)
settings.register_profile("thorough", USUAL, max_examples=200)  # in tox -e acceptance
settings.load_profile("ztoq")

# loguru asks for twenty folders of Python each time a log is configured, which each command does
sysconfig.get_path = cache(sysconfig.get_path)  # type: ignore[assignment]  # it is hashable

# nobody reads the lines that it writes where no command configured it: ten for a record
logger.remove()

DEMO = Path(__file__).parent / "plugins" / "ztoq-demo"
LACKS = "lacks a shared file"
MEASURED = pytest.StashKey[set[Path]]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked ``shared(path)`` where ../shared has no such file or folder.

    With the first file marked ``unmeasured``, measuring ends for good in this process.
    """
    if item.path not in item.config.stash[MEASURED] and (measuring := Coverage.current()):
        measuring.stop()
    for mark in item.iter_markers("shared"):
        for path in mark.args:
            if not (SHARED / path).exists():
                item.user_properties.append((LACKS, path))
                pytest.skip(f"../shared/{path} is missing (CONTRIBUTING.md)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the files that are not measured after all others; each worker is given files in turn.

    Pausing for single tests would leave to chance what is covered: the lines of a module count as
    missing if it is first imported in a pause and used after it.
    """
    measured = {item.path for item in items if not item.get_closest_marker("unmeasured")}
    measured -= {path for path in measured if DEMO in path.parents}  # lines of no gate
    config.stash[MEASURED] = measured
    items.sort(key=lambda item: item.path not in measured)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line how many tests were skipped because ../shared lacks something."""
    skipped = terminalreporter.getreports("skipped")
    lacking = [path for report in skipped for name, path in report.user_properties if name == LACKS]
    if lacking:
        paths = ", ".join(sorted(set(map(str, lacking))))
        terminalreporter.write_line(f"{len(lacking)} tests skipped: ../shared lacks {paths}")
