"""One JSON client over aiohttp for all connectors: auth, retries, pacing, redaction.

``open_client`` opens one for one base URL. ``client`` makes the attempts of a ``request``;
``response_policy`` decides what an answer means, ``pacer`` (with ``rate`` and ``circuit_breaker``)
and ``budget`` when the next request may leave, ``limits`` and ``quota`` how many may in all.
``sender`` and ``transport`` reach the host, ``bodies`` and ``downloads`` read the answer,
``address_guard`` limits redirects. Pictures at addresses in texts are fetched by
``pictures.untrusted_fetcher``.
"""

from __future__ import annotations

from ztoq_core.http.budget import CallMeter
from ztoq_core.http.client import Client, open_client
from ztoq_core.http.downloads import Download
from ztoq_core.http.limits import Limit, LimitReached, Limits
from ztoq_core.http.quota import CallQuota, Ledger, month_of, next_month, quota_of

__all__ = [
    "CallMeter",
    "CallQuota",
    "Client",
    "Download",
    "Ledger",
    "Limit",
    "LimitReached",
    "Limits",
    "month_of",
    "next_month",
    "open_client",
    "quota_of",
]
