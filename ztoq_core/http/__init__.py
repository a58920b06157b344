"""One JSON client over aiohttp for all connectors: auth, backoff, pacing, redaction.

``open_client`` opens one for one base URL. ``client`` sends, ``judging`` says what an answer means,
``pacing`` and ``budget`` when the next request may leave, ``transport`` how a host is reached.
"""

from __future__ import annotations

from ztoq_core.http.client import Client, Download, open_client

__all__ = ["Client", "Download", "open_client"]
