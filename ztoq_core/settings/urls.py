"""What is wrong with the URLs and connections of a config; no message quotes a URL."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from ztoq_core.contracts import Connection
from ztoq_core.errors import ConfigError
from ztoq_core.time_window import TimeWindow


def unusable_url(text: str) -> str | None:
    """Return why this cannot be a ``base_url``, or None."""
    try:
        url = urlsplit(text)
        host = url.hostname
    except ValueError:
        return "is not a URL"
    if url.scheme not in {"http", "https"} or not host or any(c.isspace() for c in text):
        return "is not a URL that begins with https:// and names a host"
    if url.username is not None or url.password is not None:
        return "contains credentials; they have keys of their own"
    if url.query or url.fragment:
        return "must end with its path, without ? or #"
    return None


def unusable_connection(connection: Connection) -> Iterator[str]:
    """Yield the problems with the settings that all connections share."""
    if problem := unusable_url(connection.base_url):
        yield f"base_url {problem}"
    for key in ("rate", "timeout", "in_flight", "monthly_budget"):
        value = getattr(connection, key)
        if value is not None and value <= 0:
            yield f"{key} must be more than 0"
    if not 0 <= connection.reserve < 1:
        yield (
            "reserve, the share left to others, must be at least 0 and less than 1; got "
            f"{connection.reserve:g}"
        )
    if connection.window is not None:
        try:
            TimeWindow.parse(connection.window)
        except ConfigError as error:
            yield str(error)
