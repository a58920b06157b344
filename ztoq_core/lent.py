"""What the engine lends a plugin, and what it needs for that: connections, secrets, contents.

``contracts`` hands these on.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar, overload

import attrs

from ztoq_core.records import Level, Ref

__all__ = [
    "Answer",
    "Auth",
    "Client",
    "Connection",
    "Content",
    "Download",
    "Secret",
    "Services",
]

_SHORT = 6
"""Secrets of fewer characters are hidden only where they stand alone as a word."""

T = TypeVar("T")


@attrs.frozen(repr=False, str=False)
class Secret:
    """A value that is shown to nobody: prints as ``***``, is never stored.

    ``reveal()`` gives it.
    """

    _value: str

    def reveal(self) -> str:
        """Return the value, for the one place that sends it."""
        return self._value

    @property
    def short(self) -> bool:
        """Whether its letters may well stand in words that have nothing to do with it."""
        return len(self.reveal()) < _SHORT

    def hide(self, text: str) -> str:
        """Return the text with ``***`` in each place where the secret stands.

        A short one is taken out only where it stands alone as a word: elsewhere that would spoil
        the text, and tell the secret.
        """
        value = self.reveal()
        if not self.short:
            return text.replace(value, "***")
        return re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "***", text) if value else text

    def __repr__(self) -> str:
        """Hide the value."""
        return "***"

    __str__ = __repr__


@attrs.frozen(kw_only=True)
class Connection:
    """How to reach a service; the base of a connector's config class.

    ``rate`` is a fixed ceiling in requests a second (None: found out), ``in_flight`` the most
    requests at once, ``timeout`` seconds for one request. Without ``proxy`` and ``ca_file`` the
    environment's HTTPS_PROXY and SSL_CERT_FILE count. ``client_cert`` is a PEM file with
    certificate and key. ``monthly_budget`` is how many calls the service grants in a calendar month
    (None: what its headers say), ``reserve`` the share of it that is left to others. ``window`` are
    the hours of the day, in local time, in which calls may be made: ``"20:00-06:00"``.
    ``max_answer_size`` is the most bytes of a JSON body, unpacked; ``max_file_size`` that of a file
    that is downloaded (Zephyr and Jira take files of up to 1 GB; a body without end stops at twice
    that).
    """

    base_url: str
    rate: float | None = None
    in_flight: int = 32
    timeout: float = 60.0
    proxy: str | None = None
    ca_file: str | None = None
    client_cert: str | None = None
    monthly_budget: int | None = None
    reserve: float = 0.2
    window: str | None = None
    max_answer_size: int = 64_000_000
    max_file_size: int = 2_000_000_000


@attrs.frozen(kw_only=True)
class Content:
    """The content of a file: ``open`` may be called once per attempt, ``size`` is in bytes."""

    name: str
    size: int
    sha256: str
    media_type: str
    open: Callable[[], AsyncIterator[bytes]]


@attrs.frozen(kw_only=True)
class Answer:
    """An HTTP answer: ``body`` is the parsed JSON, None where there was no content."""

    status: int
    headers: Mapping[str, str]
    body: Any = None


class Download(Protocol):
    """A body that is read in chunks."""

    @property
    def media_type(self) -> str:
        """What the header says, ``""`` if nothing."""
        ...

    @property
    def size(self) -> int | None:
        """The bytes that the header promises, None where it does not or they are packed."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes, once.

        Raises:
            RejectedError: Fewer came than were promised, they came too slowly, the connection was
                lost, or there are more than ``Connection.max_file_size``.
        """
        ...


class Auth(Protocol):
    """Puts credentials on requests to one host."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers, renewing first what is about to expire."""
        ...

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Renew after a 401; ``refused`` are the headers that were sent.

        Returns at once with True where they have been renewed since (one renewal serves all
        waiting requests), False where nothing can be renewed.
        """
        ...


class Client(Protocol):
    """A paced JSON client bound to one base URL. Credentials and requests never leave its host.

    GET, PUT, DELETE and requests marked ``repeatable`` are tried again after 429, 5xx, time-outs,
    lost connections and answers that cannot be read. A POST is tried again only where it certainly
    changed nothing (429, or no connection was made).
    """

    async def request(  # noqa: PLR0913 - one door for every request
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | Sequence[str | int]] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
        repeatable: bool = False,
        what: str = "",
        read: Callable[[Any], Any] | None = None,
        closing: bool = False,
        attempts: int = 8,
    ) -> Answer:
        """Send a request and return its answer if it is 2xx or its status is in ``accept``.

        ``path`` is relative to the base URL. ``what`` names the record for messages
        (``test_case ACME-T1``).

        ``read`` takes the decoded body of a 2xx answer (None where it is empty) and returns what
        ``Answer.body`` shall be. It raises ``AnswerError`` where the body has not the documented
        shape. Such an answer is a failed request, as is a 2xx body that is not JSON: what may be
        repeated is tried again like a 502 and ends in RejectedError with the reason; a POST is in
        doubt and not sent again. The body of a status in ``accept`` is not read. Without ``read``
        any JSON and an empty body are taken.

        ``attempts`` is how often it is sent until it counts as at fault itself; it takes fewer
        where its failure costs little, such as for a part of a page that failed.

        ``closing`` is for the request that ends a session, such as the revocation of a token. It
        waits for no turn, is sent once, and fails after 5 seconds; limits of calls hold for it.

        Raises:
            AccessError: 401 that no renewal cures, or 403, and the ``probe`` of the client is
                refused too (or there is none): the credentials are at fault.
            RejectedError: Any other 4xx; 401 or 403 while the probe is answered well; an answer
                that cannot be read, again and again; 5xx or time-outs again and again while the
                host answers others or the probe.
            DoubtError: A POST left and its answer is unknown (5xx, time-out, connection lost, a
                body that cannot be read).
            RetryableError: No good answer from the host within the outage limit; nothing changed.
        """
        ...

    @overload
    async def get(
        self, path: str, *, params: Mapping[str, str | int | Sequence[str | int]] | None = None
    ) -> Any: ...

    @overload
    async def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int | Sequence[str | int]] | None = None,
        read: Callable[[Any], T],
    ) -> T: ...

    async def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int | Sequence[str | int]] | None = None,
        read: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Return what ``read`` makes of the body of a GET; without it the decoded JSON.

        An empty body without ``read`` is an answer that cannot be read. Errors as for ``request``.
        """
        ...

    def download(
        self, path: str, *, params: Mapping[str, str | int] | None = None
    ) -> AbstractAsyncContextManager[Download]:
        """Open the body of a file for reading in chunks. Errors as for ``request``.

        An answer that cannot hold a whole file (202, 204, 206, neither a length nor chunks) is a
        failed request.
        """
        ...


class Services(Protocol):
    """What the engine lends a plugin for the time it is open."""

    def client(
        self, connection: Connection, auth: Auth | None = None, *, probe: str = ""
    ) -> AbstractAsyncContextManager[Client]:
        """Open the paced HTTP client for ``connection.base_url``.

        ``probe`` is the path of a cheap GET that these credentials may certainly make, such as
        ``projects?maxResults=1``. When one request is refused with 401 or 403, or fails again and
        again, the client asks it: answered well, that request alone is rejected and the others go
        on; refused too, the credentials are at fault (AccessError); no answer, the service is out.
        Without a probe every 401 and 403 is an AccessError.
        """
        ...

    async def once(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        """Return what ``make`` gave the first time in this run.

        Callers at the same time share it.
        """
        ...

    def note(self, level: Level, code: str, text: str, ref: Ref | None = None) -> None:
        """Put a warning or a loss into the report; the same note is kept once."""
        ...
