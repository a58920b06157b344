"""The ``[source]`` table of a Zephyr project."""

from __future__ import annotations

import attrs

from ztoq_core.plugin import ConfigError, Connection, Secret

__all__ = ["FILE_OWNERS", "ZephyrConfig", "check_config"]

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
"""A page of 1,000 cases takes 20 MB, and two are at hand; smaller ones cost few calls more."""


def _without_slash(url: str) -> str:
    return url.rstrip("/")


@attrs.frozen(kw_only=True)
class ZephyrConfig(Connection):
    """One project of Zephyr Scale Cloud or Zephyr Essential.

    ``base_url`` chooses product and region and ends with ``/v2``. ``project`` is the Jira project
    key (the old one where it was renamed in Jira: Zephyr keeps it). ``attachments`` names whose
    files are read, ``page_size`` how many objects are asked for at once.
    """

    base_url: str = attrs.field(
        default="https://api.zephyrscale.smartbear.com/v2", converter=_without_slash
    )
    project: str
    token: Secret
    attachments: tuple[str, ...] = FILE_OWNERS
    page_size: int = USUAL_PER_PAGE


def check_config(config: ZephyrConfig) -> None:
    """Look at what no type can tell.

    Raises:
        ConfigError: ``attachments`` or ``page_size`` cannot be used.
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
