"""ztoq moves a test team's history between test management products and proves that it arrived.

These are the names for programs that embed ztoq; each is imported when first used::

    from ztoq_core import Plugins, Services, Store, engine

    plugin = Plugins.installed().source("zephyr")
    with Store("sqlite:///acme.db", create=True) as store, store.run("extract") as run:
        async with plugin.open(config, Services(sink=store.note)) as source:
            await engine.extract(engine.Run(store, run.id), source)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztoq_core.lazy import lazily

if TYPE_CHECKING:
    from ztoq_core import engine
    from ztoq_core.plugins import Plugins
    from ztoq_core.report import Report
    from ztoq_core.services import Services
    from ztoq_core.store import Store

__all__ = ["Plugins", "Report", "Services", "Store", "engine"]

__getattr__ = lazily(
    __name__,
    {
        "": "engine",
        "plugins": "Plugins",
        "report": "Report",
        "services": "Services",
        "store": "Store",
    },
)
