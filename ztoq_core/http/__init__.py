"""One JSON client over aiohttp for all connectors: auth, retries, pacing, redaction.

``open_client`` opens one for one base URL. ``client`` makes the attempts of a ``request``;
``response_policy`` decides what an answer means, ``pacer`` (with ``rate`` and ``circuit_breaker``)
and ``budget`` when the next request may leave, ``limits`` how many may in all.
``sender`` and ``transport`` reach the host, ``bodies`` reads the answer, ``address_guard``
limits redirects. Pictures at addresses in texts are fetched by ``pictures.untrusted_fetcher``.
"""
