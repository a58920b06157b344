"""Opens the pictures in texts that lie at Zephyr or at the Jira site, with the right credential.

A credential goes to the origin that it belongs to, for addresses that are files there. Jira's:
"Get attachment content" and "Get attachment thumbnail" (Jira Cloud platform REST API, read in
November 2026), and the addresses under which people see files (``/secure/attachment/10001/a.png``,
``/secure/thumbnail/…``; seen in real texts).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import SplitResult, urlsplit

import attrs

from ztoq_core.plugin import AccessError, Attachment, RejectedError
from ztoq_zephyr.attachments import Attachments
from ztoq_zephyr.config import ZephyrConfig
from ztoq_zephyr.jira import Jira

PORTS = {"http": 80, "https": 443}
ZEPHYR = re.compile(r"(?:.*/)?attachments/[^/]+")
JIRA = re.compile(
    r"rest/api/(?:2|3|latest)/attachment/(?:content|thumbnail)/\d+"
    r"|secure/(?:attachment|thumbnail)/(?P<id>\d+)(?:/.*)?"
)
SERVER = re.compile(r"(?:.*/)?rest/tests/1\.0/attachment/image/(?P<id>\d+)")
CONTENT = "rest/api/3/attachment/content"


@attrs.frozen
class Pictures:
    """The pictures of one project; ``jira`` is None where no site is configured."""

    config: ZephyrConfig
    files: Attachments
    jira: Jira | None

    def open(self, file: Attachment) -> AsyncIterator[bytes] | None:
        """Yield the picture; None where its address is neither Zephyr's nor Jira's."""
        try:
            url = urlsplit(file.locator)
            _ = url.port
        except ValueError:
            return None
        if match := SERVER.fullmatch(url.path):
            return _of_server(match["id"])
        path = _below(self.config.base_url, url)
        if path is not None and ZEPHYR.fullmatch(path):
            return self.files.download(attrs.evolve(file, locator=path))
        if self.jira is None:
            return None
        # Zephyr lives inside Jira: an address without a host is the site's
        path = _below(self.jira.config.base_url, url, relative=True)
        if path is not None and (match := JIRA.fullmatch(path)):
            return self._from_jira(self.jira, tuple(_places(path, match)))
        return None

    async def _from_jira(self, jira: Jira, paths: tuple[str, ...]) -> AsyncIterator[bytes]:
        *first, last = paths
        for path in first:
            try:
                async with jira.client.download(path) as content:
                    async for chunk in content.chunks():
                        yield chunk
                    return
            except (RejectedError, AccessError) as error:
                if error.status is None:  # a part of it was yielded already
                    raise RejectedError(f"Jira: {error}") from error
        try:
            async with jira.client.download(last) as content:
                async for chunk in content.chunks():
                    yield chunk
        except (RejectedError, AccessError) as error:
            raise RejectedError(f"Jira: {error}", status=error.status) from error


async def _of_server(number: str) -> AsyncIterator[bytes]:
    """Refuse a picture of Zephyr Server, as texts that were moved to Cloud have."""
    if number:
        raise RejectedError(
            f"it is the picture {number} of the Zephyr Server that the project was moved from;"
            f" images.folder may hold it under the name {number}"
        )
    yield b""


def _places(path: str, match: re.Match[str]) -> Iterator[str]:
    """Yield the paths to try: a token always opens the API, and mostly pages for browsers, too."""
    if match["id"]:
        yield f"{CONTENT}/{match['id']}"  # Jira Cloud's; Jira Data Center answers 404
    yield path


def _below(base: str, url: SplitResult, *, relative: bool = False) -> str | None:
    """Return the path below a base URL, None where the address is not there."""
    home = urlsplit(base)
    if not (relative and not url.scheme and not url.netloc) and _origin(url) != _origin(home):
        return None
    root = f"{home.path.rstrip('/')}/"
    if not url.path.startswith(root) or ".." in url.path.split("/"):
        return None
    return url.path.removeprefix(root)


def _origin(url: SplitResult) -> tuple[str, str, int | None]:
    scheme = url.scheme.lower()
    return scheme, (url.hostname or "").lower(), url.port or PORTS.get(scheme)
