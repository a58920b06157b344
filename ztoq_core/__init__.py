"""ztoq moves a test team's history between test management products and proves that it arrived.

The door for embedders; each name is imported when it is asked for::

    from ztoq_core import Plugins, Services, Store, engine

    with Store("sqlite:///acme.db") as store, store.run("extract") as run:
        async with plugin.open(config, Services(sink=store.note)) as source:
            await engine.extract(store, source, run.id, print)
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
    """Import what is asked for."""
    if name == "engine":
        return import_module("ztoq_core.engine")
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
