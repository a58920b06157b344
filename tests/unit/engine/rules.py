"""Rules of an invented product, for what a source's plugin has to recognise."""

from __future__ import annotations

import re

from ztoq_core.contracts import SourceRules

STORED = re.compile(r"stored-\d+-(.+)")


def _picture_name(stored: str) -> str:
    match = STORED.fullmatch(stored)
    return match[1] if match else ""


def _issue_page(url: str, key: str) -> str:
    site, api, _ = url.partition("/api/")
    return f"{site}/browse/{key}" if api else url


RULES = SourceRules(
    is_person=lambda value: value.startswith("person-"),
    issue_page=_issue_page,
    picture_name=_picture_name,
    mask_parameters=lambda html: re.sub(r"\$\w+|\[\w+\]", "$", html),
)
"""A person is ``person-1``, a picture ``stored-17-own.png``, an issue at ``/api/17``, a parameter
``$name`` and its value ``[value]``."""
