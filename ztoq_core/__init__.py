"""ztoq moves a test team's history between test management products and proves that it arrived.

These are the names for programs that embed ztoq; each is imported when first used::

    from ztoq_core import Config, Migration

    migration = Migration(Config.load("ztoq.toml"))
    result = await migration.run()
    print(result.verdict.headline)
    migration.report({"html": Path("report.html")})

``docs/embedding.md`` has the rest: events, stopping, settings without a file, single stages. The
log is silent until ``loguru.logger.enable("ztoq_core")``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ztoq_core import engine
    from ztoq_core.contracts import Secret
    from ztoq_core.migration import Migration, Result, RunOptions
    from ztoq_core.plugins import Plugins
    from ztoq_core.report.data import Report
    from ztoq_core.services import Services
    from ztoq_core.settings.config import Config
    from ztoq_core.store import Store

__all__ = [
    "Config",
    "Migration",
    "Plugins",
    "Report",
    "Result",
    "RunOptions",
    "Secret",
    "Services",
    "Store",
    "engine",
]

_PLACES = {
    "Config": "settings.config",
    "Migration": "migration",
    "Plugins": "plugins",
    "Report": "report.data",
    "Result": "migration",
    "RunOptions": "migration",
    "Secret": "contracts",
    "Services": "services",
    "Store": "store",
    "engine": "engine",
}
"""The module of each name."""


@cache
def _be_silent() -> None:
    """Turn the log off once: a program that wants to hear it turns it on."""
    import_module("loguru").logger.disable("ztoq_core")  # not at once: `ztoq --help` needs none


def __dir__() -> list[str]:
    """Show the names that are imported when first used, too."""
    return __all__


def __getattr__(name: str) -> Any:
    """Import the name when it is first used."""
    _be_silent()
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_PLACES[name]}")
    return module if name == "engine" else getattr(module, name)
