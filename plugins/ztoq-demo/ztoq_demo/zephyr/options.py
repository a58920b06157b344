"""How a simulated tenant differs from another: what it lacks, lowers, hides or adds."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs


@attrs.define(kw_only=True)
class Options:
    """What a tenant has and how it pages; may be changed while it is served.

    Attributes:
        token: The only token that is accepted; None: every unexpired JWT.
        jira: The Jira site's address in links; None: the simulator's own.
        jira_email: The name of Jira's only user.
        jira_token: The API token of that user.
        jira_forbids: Ids of issues, people, components and versions that Jira answers with 403.
        cap: The most values of one page, whatever was asked for.
        next_gen: Whether the cursor lists exist.
        attachments: Whether the attachment endpoints exist.
        downloads: Whether their contents may be read (Zephyr Essential answers 401).
        missing: The status of what this tenant lacks: 403 (a wrong path), 404, or 503 with an HTML
            page (both have been seen).
        total: Whether pages tell the ``total``, which the schema leaves optional.
        is_last: Whether pages tell ``isLast``, which the schema leaves optional.
        next_url: Whether the last page of a cursor list has ``"next": null`` or no ``next`` at all.
        drift: By how much ``total`` may be too high; it changes with every page.
        step_ids: Whether steps have ids (they came in 2026).
        extra_keys: Whether references carry a key that no document knows.
        issue_links_bare: Whether ``/issuelinks/…/testcases`` is the documented array or, as has
            been reported, an object (guess: ``{"testCases": […]}``).
        clock: Seconds since 1970, for the expiry of tokens.
    """

    token: str | None = None
    jira: str | None = None
    jira_email: str = "reader@shop.example"
    jira_token: str = "simulated-jira-token"  # noqa: S105 - opens the simulator only
    jira_forbids: frozenset[str] = frozenset()
    cap: int = 1000
    next_gen: bool = True
    attachments: bool = True
    downloads: bool = True
    missing: int = 403
    total: bool = True
    is_last: bool = True
    next_url: bool = True
    drift: int = 0
    step_ids: bool = True
    extra_keys: bool = False
    issue_links_bare: bool = True
    clock: Callable[[], float] = time.time
