"""One request as the client sends it, possibly several times, and the count of its attempts."""

from __future__ import annotations

import json as standard_json
from collections.abc import AsyncIterator, Callable, Collection, Generator, Mapping
from typing import Any
from urllib.parse import urlencode

import attrs
import backoff
import orjson
from yarl import URL

from ztoq_core.contracts import Answer, Content
from ztoq_core.contracts.services import Params

REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})

MOST_FAILURES = 8
"""Failures of one request after which it is given up, while others are answered well."""

MOST_REFUSALS = 60
"""The same for answers 429, which usually concern all requests: about a quarter of an hour."""

SECRET_WORDS = ("authorization", "cookie", "password", "secret", "token", "api-key", "assertion")

AS_JSON = {"Accept": "application/json"}
AS_IT_IS = {"Accept": "*/*", "Accept-Encoding": "identity"}


@attrs.define(eq=False)
class Retry(Exception):  # noqa: N818 - not an error yet
    """The attempt failed in a way that allows another; never leaves the client.

    ``asked`` are the seconds that the service asks to wait, ``answer`` is its answer. ``refused``:
    it was too busy (429). ``refused_with`` are the credentials that the service did not accept, and
    ``otherwise`` is the outcome if neither new ones nor the ``probe`` help.
    """

    reason: str
    status: int | None = attrs.field(default=None, kw_only=True)
    asked: float = attrs.field(default=0.0, kw_only=True)
    answer: Answer | None = attrs.field(default=None, kw_only=True)
    refused: bool = attrs.field(default=False, kw_only=True)
    refused_with: Mapping[str, str] | None = attrs.field(default=None, kw_only=True)
    otherwise: Answer | Exception | None = attrs.field(default=None, kw_only=True)


def _exponential() -> Generator[float, Any, None]:
    waits = backoff.expo(base=2, factor=0.5, max_value=30)
    next(waits)  # it begins with a value for those who send into it
    return waits


@attrs.define
class Attempts:
    """The attempts of one request so far.

    ``most`` failures use them up. ``unreadable`` counts 2xx with a wrong body, ``renewals`` new
    credentials; ``since`` is when the first attempt that failed was sent.
    """

    most: int = MOST_FAILURES
    failures: int = 0
    refusals: int = 0
    unreadable: int = 0
    since: float = 0.0
    renewals: int = 0
    _waits: dict[bool, Generator[float, Any, None]] = attrs.field(factory=dict, init=False)

    @property
    def used_up(self) -> bool:
        """Whether so many failed that the request is more likely at fault than the service."""
        return self.failures >= self.most or self.refusals >= MOST_REFUSALS

    def failed(self, sent: float) -> None:
        """Count an attempt that failed; ``sent`` is when it began."""
        if not self.failures:
            self.since = sent
        self.failures += 1

    def wait(self, *, refused: bool) -> float:
        """Return the seconds to wait before the next attempt: exponential, with full jitter.

        Refusals (429) have a count of their own, since they are not about the request.
        """
        if refused not in self._waits:
            self._waits[refused] = _exponential()
        return backoff.full_jitter(next(self._waits[refused]))


@attrs.frozen
class Payload:
    """What a request sends: bytes or a file, with the headers that describe it."""

    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes | None = None
    content: Content | None = None
    form: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def of(
        cls, json: Any = None, form: Mapping[str, str] | None = None, content: Content | None = None
    ) -> Payload:
        """Return the payload of at most one of the three."""
        if json is not None:
            return cls({"Content-Type": "application/json"}, _encoded(json))
        if form is not None:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return cls(headers, urlencode(form).encode("ascii"), form=form)
        if content is not None:
            media_type = content.media_type or "application/octet-stream"
            headers = {"Content-Type": media_type, "Content-Length": str(content.size)}
            return cls(headers, content=content)
        return cls()


@attrs.define(eq=False, kw_only=True)
class Request:
    """A request to the service's own host; see ``contracts.Client.request``.

    ``path`` is for messages, which show no query. ``stream``: the body of the answer is read in
    chunks, unchanged. ``attempts`` counts those so far; ``unreadable`` is, after an attempt, the
    reason why the content could not be sent.
    """

    method: str
    path: str
    url: URL
    payload: Payload = attrs.field(factory=Payload)
    given_headers: Mapping[str, str] = attrs.field(factory=dict)
    accept: Collection[int] = ()
    marked_repeatable: bool = False
    what: str = ""
    read: Callable[[Any], Any] | None = None
    stream: bool = False
    closing: bool = False
    attempts: Attempts = attrs.field(factory=Attempts)
    headers: Mapping[str, str] = attrs.field(init=False)
    unreadable: str = attrs.field(default="", init=False)

    def __attrs_post_init__(self) -> None:
        """Merge the headers; a header of the caller replaces ours, in any case of letters."""
        self.method, self.path = self.method.upper(), self.path.lstrip("/").partition("?")[0]
        # the bytes of a stream are counted, so it must not be compressed on the way
        own = {**(AS_IT_IS if self.stream else AS_JSON), **self.payload.headers}
        if self.given_headers:
            given = {name.lower() for name in self.given_headers}
            own = {name: value for name, value in own.items() if name.lower() not in given}
        self.headers = {**own, **self.given_headers}

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again after its answer was lost."""
        return self.marked_repeatable or self.method in REPEATABLE

    @property
    def secrets(self) -> list[str]:
        """The values in headers and form that no message may show."""
        values = []
        for name, value in {**self.payload.form, **self.given_headers}.items():
            if any(word in name.lower() for word in SECRET_WORDS):
                values.append(value)
                scheme, _, credentials = value.partition(" ")
                if scheme.lower() in {"basic", "bearer"}:
                    values.append(credentials)
        return values

    def data(self) -> bytes | AsyncIterator[bytes] | None:
        """Return the body for one attempt."""
        content = self.payload.content
        return self.payload.body if content is None else self._counted(content)

    async def _counted(self, content: Content) -> AsyncIterator[bytes]:
        """Yield the content; ``unreadable`` is afterwards the reason why it is unusable.

        A body longer or shorter than announced would be stored wrong, or the service would wait.
        """
        sent = 0
        try:
            async for chunk in content.open():
                sent += len(chunk)
                if sent > content.size:
                    break
                yield chunk
        except OSError as error:
            self.unreadable = f"the file {content.name!r} cannot be read: {error.strerror}"
            raise
        if sent != content.size:
            self.unreadable = (
                f"the file {content.name!r} has changed: it no longer holds {content.size} bytes"
            )
            raise ValueError(self.unreadable)


def pairs(params: Params) -> list[tuple[str, str]]:
    """Return the pairs of a query; a sequence gives its name several times."""
    found: list[tuple[str, str]] = []
    for name, value in (params or {}).items():
        values = [value] if isinstance(value, (str, int)) else value
        found += [(name, str(each)) for each in values]
    return found


def _encoded(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # lone surrogates, integers over 64 bit: the standard library writes them
        return standard_json.dumps(value).encode("ascii")
