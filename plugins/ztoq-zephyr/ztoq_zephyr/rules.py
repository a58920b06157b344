"""How Zephyr and Jira write people, issues, pictures and parameters, for the engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ztoq_core.plugin import Kind, SourceRules
from ztoq_zephyr.config import ZephyrConfig

# account ids: "557058:uuid" (any digits before the colon) or 24 hexadecimal digits
PERSON = re.compile(r"\d+:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24}", re.IGNORECASE)
# an issue's address in Jira's API; the page that people open lies beside it
ISSUE = re.compile(r"(?P<site>https?://.+)/rest/api/(?:\d+|latest)/issue/[^/?#]+/?")
PERSON_ADDRESS = re.compile(r"(?P<site>https?://[^\s?#]+?)/rest/api/(?:\d+|latest)/user\b")
# The pages that people open (seen in public repositories, 2026-11): Jira shows an app, which reads
# what follows the #.
STANDARD = (
    "com.atlassian.plugins.atlassian-connect-plugin:com.kanoah.test-manager__main-project-page"
)
ESSENTIAL = "com.atlassian.plugins.atlassian-connect-plugin:com.thed.zephyr.je__main-project-page"
PATHS = {
    Kind.REQUIREMENT: "browse",
    Kind.TEST_CASE: "v2/testCase",
    Kind.TEST_CYCLE: "v2/testCycle",
    Kind.TEST_PLAN: "testPlan",
    Kind.TEST_LOG: "testPlayer/testExecution",
}
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


def pages(
    config: ZephyrConfig, payloads: Iterable[Mapping[str, Any]]
) -> Callable[[Kind, str], str]:
    """Return what gives the address of a record in Jira, where the site is known.

    It is the one of ``[source.jira]``, else that of the addresses of people in payloads.
    """
    site = config.jira.base_url if config.jira else ""
    for payload in payloads if not site else ():
        owner = payload.get("owner")
        url = owner.get("self") if isinstance(owner, Mapping) else None
        if isinstance(url, str) and (match := PERSON_ADDRESS.match(url)):
            site = match["site"]
            break
    app = ESSENTIAL if "zephyr4jiracloud" in config.base_url else STANDARD

    def page(kind: Kind, key: str) -> str:
        if not site or (path := PATHS.get(kind)) is None or "-" not in key:
            return ""
        if kind is Kind.REQUIREMENT:
            return f"{site}/{path}/{quote(key)}"
        project = quote(key.rpartition("-")[0])
        return f"{site}/projects/{project}?selectedItem={app}#!/{path}/{quote(key)}"

    return page


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
    pages=pages,
    picture_name=picture_name,
    mask_parameters=mask_parameters,
)
