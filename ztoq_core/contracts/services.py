"""What the engine lends a plugin while it is open: HTTP clients, a cache, a place for notes."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar, overload

import attrs

from ztoq_core.records import NoteCode, Ref

__all__ = [
    "Answer",
    "Auth",
    "Client",
    "Connection",
    "Content",
    "Download",
    "HeaderAuth",
    "Secret",
    "Services",
]

_SHORT = 6
"""Shorter secrets are hidden only if they are a word by themselves."""

T = TypeVar("T")

Query = Mapping[str, str | int | Sequence[str | int]]
"""Parameters of a query; several values repeat the name."""
Params = Query | None


@attrs.frozen(repr=False, str=False)
class Secret:
    """A value that is never shown or stored; prints as ``***``."""

    _value: str

    def reveal(self) -> str:
        """Return the value; only for the place that sends it."""
        return self._value

    @property
    def short(self) -> bool:
        """Whether its letters may well occur in unrelated words."""
        return len(self.reveal()) < _SHORT

    def hide(self, text: str) -> str:
        """Return the text with ``***`` in place of the secret.

        A short secret is replaced only if it is a word by itself: elsewhere that would garble
        the text, and give the secret away.
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

    ``base_url`` is the service's address. ``rate`` is a fixed ceiling in requests a second (None:
    the pacing finds it), ``in_flight`` the most requests at once, ``timeout`` seconds for one
    request. Without ``proxy`` and ``ca_file`` the environment's HTTPS_PROXY and SSL_CERT_FILE are
    used. ``client_cert`` is a PEM file with certificate and key. ``monthly_budget`` is how many
    calls the service grants in a calendar month (None: what its headers say), ``reserve`` the share
    of it that is left to others. ``window`` is the time of day, local, in which calls may be made:
    ``"20:00-06:00"``. ``max_answer_size`` is the most bytes of a JSON body, unpacked;
    ``max_file_size`` those of a downloaded file (Zephyr and Jira take files of up to 1 GB; an
    endless body stops at twice that).
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
    """The content of a file; ``size`` is in bytes. ``open`` is called once for each attempt."""

    name: str
    size: int
    sha256: str
    media_type: str
    open: Callable[[], AsyncIterator[bytes]]


@attrs.frozen(kw_only=True)
class Answer:
    """An HTTP answer; ``body`` is the parsed JSON, None if there was no content."""

    status: int
    headers: Mapping[str, str]
    body: Any = None


class Download(Protocol):
    """A response body that is read in chunks."""

    @property
    def media_type(self) -> str:
        """The media type in the header, ``""`` if there is none."""
        ...

    @property
    def size(self) -> int | None:
        """The size in bytes that the header gives; None if it gives none or the body is packed."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes, once.

        Raises:
            RejectedError: There are fewer than the header said or more than
                ``Connection.max_file_size``, they come too slowly, or the connection was lost.
        """
        ...


class Auth(Protocol):
    """Puts credentials on requests to one host."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers; credentials about to expire are renewed first."""
        ...

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Renew the credentials after a 401; ``refused`` are the headers that were sent.

        Returns True at once if they have been renewed since (one renewal serves all waiting
        requests), and False if they cannot be renewed.
        """
        ...


@attrs.frozen
class HeaderAuth:
    """Sends one secret with each request, as people made it; a refused one cannot be renewed.

    ``HeaderAuth(token)`` sends ``Authorization: Bearer TOKEN``. ``scheme`` is the word before the
    secret, ``""`` for none; with a ``user`` it is HTTP's Basic, of both.
    """

    secret: Secret
    header: str = "Authorization"
    scheme: str = "Bearer"
    user: str | None = None

    async def headers(self) -> Mapping[str, str]:
        """Return the header of every request."""
        secret = self.secret.reveal().strip()
        if self.user is not None:
            pair = f"{self.user.strip()}:{secret}".encode()
            return {self.header: f"Basic {b64encode(pair).decode('ascii')}"}
        return {self.header: f"{self.scheme} {secret}".strip()}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Return False: people make such secrets."""
        del refused
        return False


class Client(Protocol):
    """A paced JSON client bound to one base URL. Credentials and requests never leave its host.

    GET, PUT, DELETE and requests marked ``repeatable`` are sent again after 429, 5xx, time-outs,
    lost connections and answers that cannot be read. A POST is sent again only if it certainly
    changed nothing (429, or no connection was made).
    """

    async def request(  # noqa: PLR0913 - one door for every request
        self,
        method: str,
        path: str,
        *,
        params: Params = None,
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

        ``read`` takes the decoded body of a 2xx answer (None if it is empty) and returns the value
        for ``Answer.body``. It raises ``AnswerError`` if the body does not have the documented
        shape. Such an answer is a failed request, as is a 2xx body that is not JSON: a repeatable
        request is sent again as after a 502 and ends in RejectedError with the reason; a POST is
        in doubt and not sent again. The body of a status in ``accept`` is not read. Without
        ``read``, any JSON and an empty body are accepted.

        ``attempts`` is how often the request is sent before it is given up as faulty itself. Give
        fewer if a failure costs little, such as for a part of a page that failed.

        ``closing`` is for the request that ends a session, such as the revocation of a token. It
        is not paced, is sent once, and fails after 5 seconds; limits on calls hold for it.

        Raises:
            AccessError: 401 that no renewal cures, or 403, and the ``probe`` of the client is
                refused too (or there is none): the credentials are at fault.
            RejectedError: Any other 4xx; 401 or 403 while the probe succeeds; repeatedly an answer
                that cannot be read; repeated 5xx or time-outs while the host answers other
                requests or the probe.
            DoubtError: A POST was sent and its answer is unknown (5xx, time-out, connection lost,
                a body that cannot be read).
            RetryableError: No good answer from the host within the outage limit; nothing changed.
        """
        ...

    @overload
    async def get(self, path: str, *, params: Params = None) -> Any: ...

    @overload
    async def get(self, path: str, *, params: Params = None, read: Callable[[Any], T]) -> T: ...

    async def get(
        self, path: str, *, params: Params = None, read: Callable[[Any], Any] | None = None
    ) -> Any:
        """Send a GET and return what ``read`` makes of the body; without it the decoded JSON.

        Without ``read`` an empty body is an answer that cannot be read. Errors as for ``request``.
        """
        ...

    def download(
        self, path: str, *, params: Mapping[str, str | int] | None = None
    ) -> AbstractAsyncContextManager[Download]:
        """Open a file for reading in chunks. Errors as for ``request``.

        An answer that cannot hold a whole file (202, 204, 206, neither a length nor chunks) is a
        failed request.
        """
        ...


class Services(Protocol):
    """What the engine lends a plugin while it is open."""

    def client(
        self, connection: Connection, auth: Auth | None = None, *, probe: str = ""
    ) -> AbstractAsyncContextManager[Client]:
        """Open the paced HTTP client for ``connection.base_url``.

        ``probe`` is the path of a cheap GET that these credentials may certainly make, such as
        ``projects?maxResults=1``. The client sends it when a request is refused with 401 or 403, or
        keeps failing. If the probe succeeds, only that request is rejected and the others go on; if
        it is refused too, the credentials are at fault (AccessError); if it is not answered, the
        service is down. Without a probe every 401 and 403 is an AccessError.
        """
        ...

    async def once(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        """Return what ``make`` returned the first time in this run; concurrent callers share it."""
        ...

    def note(self, code: NoteCode, text: str, ref: Ref | None = None) -> None:
        """Put a loss, a change or a remark into the report; the same note is kept once."""
        ...
