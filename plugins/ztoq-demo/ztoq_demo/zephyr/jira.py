"""Jira's own objects: Zephyr serves only their ids, the names come from Jira's REST API."""

from __future__ import annotations

import attrs


@attrs.define(kw_only=True)
class Component:
    """A Jira component."""

    id: int
    name: str
    description: str | None = None


@attrs.define(kw_only=True)
class Version:
    """A version (release) of the Jira project; dates as ``2024-03-01``."""

    id: int
    name: str
    description: str | None = None
    start_date: str | None = None
    release_date: str | None = None
    released: bool = False


@attrs.define(kw_only=True)
class Issue:
    """A Jira issue."""

    id: int
    key: str
    summary: str = ""
    type: str = "Story"


@attrs.define(kw_only=True)
class Person:
    """A Jira user."""

    account_id: str
    name: str
    email: str | None = None
    active: bool = True
