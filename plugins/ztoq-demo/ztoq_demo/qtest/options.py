"""What can be set on the simulator: the rights of its token, delays, budgets, strictness."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, timezone

import attrs


@attrs.define(kw_only=True)
class Options:
    """The settings of a simulated site. They may be changed while it serves.

    ``token`` never expires; ``username`` and ``password`` (empty: no such login) get tokens that
    live ``token_life`` seconds. ``administrator`` says whether the user may manage the project
    and the site; ``fields_forbidden``: the field settings answer 403 although.

    ``required_fields`` maps an object type (``test-runs``) to labels of fields that are to be
    required. ``strict`` False accepts what no fact says is refused: missing required fields, logs
    of versions that were never approved, names of several lines, reversed dates.

    ``search_lag`` seconds pass before a search finds a new object. ``site_offset`` is that of all
    times. ``minute_budget`` and ``month_budget`` are the calls that the limits allow;
    ``file_limit`` is in bytes (50 MB, qTest help pages). ``jira_keys`` are the external defects
    that the site knows; None: any text in the form of a Jira key. ``unlinkable`` are ids that link
    calls ignore silently. ``linked_once``: linking what is linked already is refused (guess: 400).
    ``unknown_defects``: what a log that names one is answered (guess): ``400``, ``500``, or
    ``ignored``, then it goes without.

    ``clean_html``: rich texts come back without what is no tag that the site knows (guess: no rule
    is published). ``normalise_html``: rich texts come back as another HTML of the same content.
    ``called_steps`` is how ``expand=calledteststep`` shows them: ``nested`` in the calling step's
    ``called_test_case`` (so public code reads them), or ``flat`` in its place.
    ``logged_steps``: which steps a log has to name: ``leaves``, those of called cases in place of
    the calls, or ``own``, those of the case itself (guess).
    ``step_fields``: what becomes of the fields of test steps in a body (guess: they travel as
    ``customFieldInfo``): ``kept``, ``ignored`` or ``refused``.
    ``unique_labels``: a second field of one label is refused (guess); ``folded_labels``: so are
    values of a field that differ in case alone.
    ``inactive_users``: lists of users show inactive ones whatever is asked (guess).
    ``site_fields_inactive``: a new site field must be activated in the project (guess).
    ``text_limit`` is the longest value of a text box, None for no limit (no number is published).
    ``field_limit``: more custom fields of an object type are refused (qTest's help names 20; guess:
    with 400); None for no limit.

    ``kept_in_memory`` and ``kept_on_disk`` are the bytes of attachments that can be downloaded
    again; of all others only digest, size and the first bytes remain.
    """

    token: str = "0f7d3c52-5a3b-4a52-9a55-2b6a4c1d9e10"  # noqa: S105 - opens a simulator only
    username: str = ""
    password: str = attrs.field(default="", repr=False)
    token_life: float = 3600.0
    administrator: bool = True
    fields_forbidden: bool = False
    project: int = 4242
    automation: bool = False
    strict: bool = True
    required_fields: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    site_offset: timedelta = timedelta(hours=7)
    search_lag: float = 0.0
    minute_budget: int = 1_000_000
    month_budget: int = 100_000_000
    file_limit: int = 50 * 1024 * 1024
    jira_keys: frozenset[str] | None = None
    mirrors_jira: bool | None = None
    unlinkable: frozenset[int] = frozenset()
    linked_once: bool = False
    unknown_defects: str = "ignored"
    clean_html: bool = False
    normalise_html: bool = False
    called_steps: str = "nested"
    logged_steps: str = "leaves"
    step_fields: str = "kept"
    unique_labels: bool = True
    folded_labels: bool = False
    inactive_users: bool = False
    site_fields_inactive: bool = True
    text_limit: int | None = None
    field_limit: int | None = None
    kept_in_memory: int = 64 * 1024 * 1024
    kept_on_disk: int = 2 * 1024 * 1024 * 1024

    @property
    def zone(self) -> timezone:
        """The time zone of the site."""
        return timezone(self.site_offset)
