"""ztoq moves a test team's history between test management products and proves that it arrived.

These are the names for programs that embed ztoq; each is imported when first used::

    from ztoq_core import Plugins, Services, Store, engine

    plugin = Plugins.installed().source("zephyr")
    with Store("sqlite:///acme.db", create=True) as store, store.run("extract") as run:
        async with plugin.open(config, Services(sink=store.note)) as source:
            await engine.extract(engine.Run(store, run.id), source)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ztoq_core import engine
    from ztoq_core.plugins import Plugins
    from ztoq_core.report import Report
    from ztoq_core.services import Services
    from ztoq_core.store import Store

__all__ = ["Plugins", "Report", "Services", "Store", "engine"]

_PLACES = {
    "Plugins": "ztoq_core.plugins",
    "Report": "ztoq_core.report",
    "Services": "ztoq_core.services",
    "Store": "ztoq_core.store",
}


def __getattr__(name: str) -> Any:
    """Import the name when it is first used."""
    if name == "engine":
        return import_module("ztoq_core.engine")
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
