"""The ``[source]`` table of a Zephyr project, and ``[source.jira]`` for names of Jira's ids."""

from __future__ import annotations

from pathlib import Path

import attrs

from ztoq_core.plugin import ConfigError, Connection, Secret
from ztoq_zephyr.execution import EXECUTED, UNEXECUTED

FILE_OWNERS = (
    "test_case",
    "test_step",
    "test_cycle",
    "test_plan",
    "test_execution",
    "step_result",
)
"""What may have files, in the words of the configuration."""

MOST_PER_PAGE = 1000
"""The most that a list gives at once (Zephyr Cloud schemas 2026-08, ``maxResults``, ``limit``)."""
USUAL_PER_PAGE = 250
"""A page of 1,000 cases takes 20 MB, and two are in memory; smaller ones cost few more calls."""


def _without_slash(url: str) -> str:
    return url.rstrip("/")


@attrs.frozen(kw_only=True)
class JiraConfig(Connection):
    """Where the names of Jira's ids come from: the Jira site, CSV files (which win), or both.

    ``base_url`` is the site as people open it (``""``: files only). ``email`` with an API token is
    for Jira Cloud; a ``token`` alone is sent as a personal access token. ``issues``, ``users``,
    ``components`` and ``versions`` are the files.
    """

    base_url: str = attrs.field(default="", converter=_without_slash)
    email: str | None = None
    token: Secret | None = None
    issues: Path | None = None
    users: Path | None = None
    components: Path | None = None
    versions: Path | None = None


@attrs.frozen(kw_only=True)
class ZephyrConfig(Connection):
    """One project of Zephyr Scale Cloud or Zephyr Essential.

    ``base_url`` chooses product and region and ends with ``/v2``. ``project`` is the Jira project
    key (after a rename in Jira the old one, which Zephyr keeps). ``token`` is a Zephyr API key.
    ``attachments`` are the kinds of objects whose files are read; without
    ``unexecuted_step_files`` no files of steps that were not executed. ``page_size`` is how many
    objects are requested at once.
    ``executed`` and ``unexecuted`` are names of statuses of executions that took place, or did not
    (``execution.ExecutionPolicy``). ``jira`` gives names to the ids that Zephyr shows.
    """

    base_url: str = attrs.field(
        default="https://api.zephyrscale.smartbear.com/v2", converter=_without_slash
    )
    project: str
    token: Secret
    attachments: tuple[str, ...] = FILE_OWNERS
    unexecuted_step_files: bool = True
    page_size: int = USUAL_PER_PAGE
    executed: tuple[str, ...] = EXECUTED
    unexecuted: tuple[str, ...] = UNEXECUTED
    jira: JiraConfig | None = None


def check_config(config: ZephyrConfig) -> None:
    """Check what the types cannot.

    Raises:
        ConfigError: ``attachments``, ``page_size`` or ``jira`` cannot be used.
    """
    for owner in config.attachments:
        if owner not in FILE_OWNERS:
            raise ConfigError(
                f"source.attachments: there are no files of {owner!r}"
                f" (available: {', '.join(FILE_OWNERS)})"
            )
    if not 1 <= config.page_size <= MOST_PER_PAGE:
        raise ConfigError(
            f"source.page_size: {config.page_size} is not between 1 and {MOST_PER_PAGE}"
        )
    if config.jira is not None:
        _check_jira(config.jira)


def _check_jira(jira: JiraConfig) -> None:
    if jira.base_url and jira.token is None:
        raise ConfigError(
            'source.jira.token is missing: say where it is, such as { env = "JIRA_TOKEN" }.'
            " Jira Cloud takes an e-mail address and an API token"
            " (id.atlassian.com > Security > API tokens)"
        )
    if not jira.base_url and (jira.token is not None or jira.email is not None):
        raise ConfigError(
            "source.jira.base_url is missing: the Jira site, such as https://acme.atlassian.net"
        )
    if not jira.base_url and not any((jira.issues, jira.users, jira.components, jira.versions)):
        raise ConfigError(
            "[source.jira] is empty: set base_url, email and token, or the files"
            " issues, users, components, versions"
        )
