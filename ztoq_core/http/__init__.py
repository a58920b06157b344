"""One JSON client over aiohttp for all connectors: auth, backoff, pacing, redaction.

``open_client`` opens one for one base URL. ``client`` sends, ``judging`` says what an answer means,
``pacing`` and ``budget`` when the next request may leave, ``transport`` how a host is reached.
``open_fetcher`` is for addresses that nobody vouches for: ``guarded`` fetches from those.
"""

from __future__ import annotations

from ztoq_core.http.client import Client, Download, open_client
from ztoq_core.http.guarded import Fetcher, open_fetcher

__all__ = ["Client", "Download", "Fetcher", "open_client", "open_fetcher"]
