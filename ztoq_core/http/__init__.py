"""One JSON client over aiohttp for all connectors: auth, backoff, pacing, redaction.

``open_client`` opens one for one base URL. ``client`` sends, ``judging`` says what an answer means,
``pacing`` and ``budget`` when the next request may leave, ``limits`` how many may in all,
``transport`` how a host is reached. ``guard`` says where redirects may lead. ``open_fetcher``
is for addresses that nobody vouches for: ``guarded`` fetches from those.
"""

from __future__ import annotations

from ztoq_core.http.budget import Meter
from ztoq_core.http.client import Client, Download, open_client
from ztoq_core.http.guarded import Fetcher, open_fetcher
from ztoq_core.http.limits import (
    Account,
    Cause,
    Ledger,
    Limits,
    Stopped,
    account_of,
    month_of,
    next_month,
)

__all__ = [
    "Account",
    "Cause",
    "Client",
    "Download",
    "Fetcher",
    "Ledger",
    "Limits",
    "Meter",
    "Stopped",
    "account_of",
    "month_of",
    "next_month",
    "open_client",
    "open_fetcher",
]
