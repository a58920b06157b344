"""How Zephyr and Jira write people, issues, pictures and parameters, for the engine."""

from __future__ import annotations

import re

from ztoq_core.plugin import SourceRules

__all__ = ["RULES"]

# account ids: "557058:uuid" (any digits before the colon) or 24 hexadecimal digits
PERSON = re.compile(r"\d+:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24}", re.IGNORECASE)
# an issue's address in Jira's API; the page that people open lies beside it
ISSUE = re.compile(r"(?P<site>https?://.+)/rest/api/(?:\d+|latest)/issue/[^/?#]+/?")
# How a picture that was put into a text is stored (seen, facts 1.9): ids, time in milliseconds, own
# name. Own names may begin with a date, which looks like more of the same: 13 digits come first.
STORED = (
    re.compile(r"(?:embedded-)?[a-f0-9-]+?-\d{13}-(.+)", re.IGNORECASE),
    re.compile(r"(?:embedded-)?[a-f0-9-]+-\d+-(.+)", re.IGNORECASE),
)
# A case has "{user}", an execution of it "<var …>anna</var>". Neither pattern gives back what it
# read, or runs past the next tag: broken texts cost no more.
PARAMETER = re.compile(r"\{[^{}<>]*\}")
VALUE = re.compile(r"<var\b[^<>]*+>(?:(?!</?var\b).)*+</var>\u2060?", re.IGNORECASE | re.DOTALL)


def is_person(value: str) -> bool:
    """Return whether a value is an Atlassian account id."""
    return PERSON.fullmatch(value) is not None


def issue_page(url: str, key: str) -> str:
    """Return the page of an issue from its address in Jira's API; other addresses as they are."""
    api = ISSUE.fullmatch(url)
    if api is None:
        return url
    return f"{api['site']}/browse/{key}" if key else ""


def picture_name(stored: str) -> str:
    """Return the name that a picture had before Zephyr stored it, ``""`` if it is unknown."""
    matches = (pattern.fullmatch(stored) for pattern in STORED)
    return next((match[1] for match in matches if match), "")


def mask_parameters(html: str) -> str:
    """Return HTML with ``{}`` for each parameter and each value that is shown in its place."""
    return PARAMETER.sub("{}", VALUE.sub("{}", html))


RULES = SourceRules(
    is_person=is_person,
    issue_page=issue_page,
    picture_name=picture_name,
    mask_parameters=mask_parameters,
)
