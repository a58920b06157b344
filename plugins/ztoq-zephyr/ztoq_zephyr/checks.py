"""Checks token, address and project before the first record is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from ztoq_core.plugin import AccessError, Answer, ConfigError, Finding, RejectedError, counted
from ztoq_zephyr.api import NOT_THERE, Api, path_of
from ztoq_zephyr.config import ZephyrConfig, check_config
from ztoq_zephyr.credentials import BearerAuth
from ztoq_zephyr.values import text, whole

OK = 200
UNAUTHORISED = 401
FORBIDDEN = 403
SERVER_ERROR = 500
ASK_AGAIN = (
    "Zephyr refused the token. In Jira, open your avatar > Zephyr API keys, create a key there and"
    " set it again; the region in base_url must be that of the site."
)
SOON = timedelta(days=7)
NOT_SHOWN = (
    "Zephyr's API does not show archived test cases, comments, change history, the definitions of"
    " parameters and test data, and the steps of old versions; they cannot be migrated"
)
LISTS = {
    "testcases": "test case",
    "testplans": "test plan",
    "testcycles": "test cycle",
    "testexecutions": "test execution",
}


async def check(api: Api, auth: BearerAuth, config: ZephyrConfig) -> tuple[Finding, ...]:
    """Check the token, find the project, read one object of each list.

    Raises:
        ConfigError: The token is not a JWT or has expired, the address is not one of Zephyr's API,
            or the project does not exist.
        AccessError: The token is refused, or may not read the project.
    """
    check_config(config)
    findings = list(_expiry(auth))
    await _find_project(api, config)
    counts = [await _count(api, path, name, config.project) for path, name in LISTS.items()]
    counts = [count for count in counts if count]
    if counts:
        findings.append(Finding(level="info", text=f"{config.project}: {', '.join(counts)}"))
    findings.append(Finding(level="info", text=NOT_SHOWN))
    return tuple(findings)


def _expiry(auth: BearerAuth) -> tuple[Finding, ...]:
    expires = auth.token.expires
    if expires is None:
        return ()
    left = expires - datetime.now(UTC)
    if left >= SOON:
        return ()
    days = "less than a day" if left < timedelta(days=1) else counted(left.days, "day")
    return (
        Finding(
            level="warning",
            text=f"the Zephyr token expires on {expires:%Y-%m-%d %H:%M} UTC ({days} left);"
            " make a new one before the migration",
        ),
    )


async def _find_project(api: Api, config: ZephyrConfig) -> None:
    answer = await _try(api, path_of("projects", config.project), config)
    if answer.status == OK:
        key = text(answer.body.get("key"))
        if answer.body.get("enabled") is False:
            raise ConfigError(
                f"Zephyr: project {key} is not enabled for Zephyr, so its contents cannot be read;"
                " enable it in Jira's project settings"
            )
        if key != config.project:
            raise ConfigError(
                f"Zephyr: project {config.project!r} has the key {key!r} in Zephyr;"
                f" write project = {key!r}"
            )
        return
    # a wrong path is answered by 403 or 404, as a wrong project is; this path shows the difference
    projects = await _try(api, "projects", config, {"maxResults": 1})
    if projects.status != OK:
        raise _wrong_address(config)
    capital = config.project.strip().upper()
    if capital != config.project:
        answer = await _try(api, path_of("projects", capital), config)
        if answer.status == OK:
            raise ConfigError(
                f"Zephyr: there is no project {config.project!r}; did you mean {capital!r}?"
                f" Write project = {capital!r}"
            )
    raise ConfigError(
        f"Zephyr: there is no project {config.project!r}, or this token may not see it"
        f" (GET projects/{config.project} answered {answer.status}). Check the key (after a rename"
        " in Jira, Zephyr keeps the old one) and the region in base_url: a project is known only"
        " in its own"
    )


async def _try(
    api: Api, path: str, config: ZephyrConfig, params: Mapping[str, int] | None = None
) -> Answer:
    try:
        return await api.get(path, params, (*NOT_THERE, FORBIDDEN))
    except AccessError as error:
        if error.status != UNAUTHORISED:
            raise
        raise AccessError(f"{error}. {ASK_AGAIN}", status=error.status) from error
    except RejectedError as error:
        if error.status is not None and error.status >= SERVER_ERROR:
            raise
        raise _wrong_address(config) from error


def _wrong_address(config: ZephyrConfig) -> ConfigError:
    host = (urlsplit(config.base_url).hostname or "").casefold()
    swapped = "; this is an address of qTest, which belongs in [sink]" if "qtest" in host else ""
    return ConfigError(
        f"Zephyr: nothing at {config.base_url} answers as Zephyr's API{swapped}. base_url should be"
        " like https://api.zephyrscale.smartbear.com/v2 (or eu.api, au.api, de.api;"
        " https://prod-api.zephyr4jiracloud.com/v2 for Zephyr Essential)"
    )


async def _count(api: Api, path: str, name: str, project: str) -> str:
    """Read one object of a list; return the number of all if the service shows it."""
    try:
        answer = await api.get(path, {"projectKey": project, "maxResults": 1})
    except RejectedError as error:
        if error.status != FORBIDDEN:
            raise
        raise AccessError(str(error), status=FORBIDDEN) from error
    total = whole(answer.body.get("total"))
    return "" if total is None else counted(total, name)
