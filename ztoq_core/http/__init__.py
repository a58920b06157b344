"""One JSON client over aiohttp for all connectors: auth, retries, pacing, redaction.

``open_client`` opens one for one base URL. ``client`` makes the attempts of a ``request``;
``response_policy`` decides what an answer means, ``pacer`` (with ``rate`` and ``circuit_breaker``)
and ``budget`` when the next request may leave, ``limits`` and ``quota`` how many may in all.
``sender`` and ``transport`` reach the host, ``bodies`` and ``downloads`` read the answer,
``address_guard`` limits redirects. Pictures at addresses in texts are fetched by
``pictures.untrusted_fetcher``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztoq_core.lazy import lazily

if TYPE_CHECKING:
    from ztoq_core.http.budget import *
    from ztoq_core.http.client import *
    from ztoq_core.http.downloads import *
    from ztoq_core.http.limits import *
    from ztoq_core.http.quota import *
else:
    __getattr__ = lazily(
        __name__,
        {
            "budget": "CallMeter",
            "client": "Client open_client",
            "downloads": "Download",
            "limits": "Limit LimitReached Limits Pace",
            "quota": "CallQuota Ledger month_of next_month quota_of",
        },
    )
