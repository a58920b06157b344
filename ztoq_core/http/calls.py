"""One request as the client sends it, possibly several times, and the count of its attempts."""

from __future__ import annotations

import json as standard_json
from collections.abc import AsyncIterator, Callable, Collection, Generator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import attrs
import backoff
import orjson
from yarl import URL

from ztoq_core.contracts import Answer, Content
from ztoq_core.http.transport import Transport

__all__ = ["Again", "Call", "Tries"]

REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})

ATTEMPTS = 8
"""Failures of one request after which it is given up, if the host answers others."""

SECRET_WORDS = ("authorization", "cookie", "password", "secret", "token", "api-key", "assertion")

AS_JSON = {"Accept": "application/json"}
AS_IT_IS = {"Accept": "*/*", "Accept-Encoding": "identity"}

Params = Mapping[str, str | int | Sequence[str | int]] | None


class Again(Exception):  # noqa: N818 - not an error yet
    """The attempt failed in a way that allows another; never leaves the client.

    ``floor`` are the seconds that the service asks to wait, ``answer`` what it said. ``refused``:
    it was too busy (429). ``refused_with`` are the credentials that the service did not take, and
    ``otherwise`` is the outcome where neither others nor the ``probe`` help.
    """

    def __init__(  # noqa: PLR0913 - all that the next attempt may need
        self,
        reason: str,
        *,
        status: int | None = None,
        floor: float = 0.0,
        answer: Answer | None = None,
        refused: bool = False,
        refused_with: Mapping[str, str] | None = None,
        otherwise: Answer | Exception | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.floor = floor
        self.answer = answer
        self.refused = refused
        self.refused_with = refused_with
        self.otherwise = otherwise


@attrs.define
class Tries:
    """What became of the attempts of one request so far; ``unreadable``: 2xx with a wrong body."""

    failures: int = 0
    unreadable: int = 0
    since: float = 0.0
    renewals: int = 0
    _waits: Generator[float, Any, None] | None = None
    _refused_waits: Generator[float, Any, None] | None = None

    @property
    def used_up(self) -> bool:
        """Whether it failed so often that the fault is rather its own than the service's."""
        return self.failures >= ATTEMPTS

    def failed(self, sent: float) -> None:
        """Count an attempt that failed; ``sent`` is when it began."""
        if not self.failures:
            self.since = sent
        self.failures += 1

    def failed_wait(self) -> float:
        """Return the seconds to wait after a failure: exponential, with full jitter."""
        if self._waits is None:
            self._waits = _exponential()
        return backoff.full_jitter(next(self._waits))

    def refused_wait(self) -> float:
        """Return the seconds to wait after a refusal; they are counted apart."""
        if self._refused_waits is None:
            self._refused_waits = _exponential()
        return backoff.full_jitter(next(self._refused_waits))


def _exponential() -> Generator[float, Any, None]:
    waits = backoff.expo(base=2, factor=0.5, max_value=30)
    next(waits)  # it begins with a value for those who send into it
    return waits


@attrs.define(eq=False)
class Call:
    """A request. ``path`` is for messages: without query and base.

    ``stream``: the body of the answer is wanted as it is. ``unreadable`` says after an attempt why
    the content could not be sent.
    """

    method: str
    path: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    content: Content | None
    accept: Collection[int]
    repeatable: bool
    what: str
    secrets: tuple[str, ...]
    read: Callable[[Any], Any] | None = None
    stream: bool = False
    closing: bool = False
    unreadable: str = ""

    @classmethod
    def make(  # noqa: PLR0913 - all that makes up a request
        cls,
        transport: Transport,
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
        stream: bool = False,
        closing: bool = False,
    ) -> Call:
        """Return the request; at most one of json, form and content is its body."""
        # of a stream the bytes are counted as promised, so nothing is to be packed on the way
        own = AS_IT_IS if stream else AS_JSON
        body = None
        if json is not None:
            body = _encoded(json)
            own = {**own, "Content-Type": "application/json"}
        elif form is not None:
            body = urlencode(form).encode("ascii")
            own = {**own, "Content-Type": "application/x-www-form-urlencoded"}
        elif content is not None:
            own = {
                **own,
                "Content-Type": content.media_type or "application/octet-stream",
                "Content-Length": str(content.size),
            }
        given = headers or {}
        for name in given:
            # a header of the caller replaces ours, in whatever case it is written
            own = {key: value for key, value in own.items() if key.lower() != name.lower()}
        return cls(
            method=method.upper(),
            path=path.lstrip("/").partition("?")[0],
            url=transport.url(path, _pairs(params) if params else ()),
            headers={**own, **given} if given else own,
            body=body,
            content=content,
            accept=accept,
            repeatable=repeatable or method.upper() in REPEATABLE,
            what=what,
            secrets=tuple(_secret_values({**(form or {}), **given})) if form or given else (),
            read=read,
            stream=stream,
            closing=closing,
        )

    def data(self) -> bytes | AsyncIterator[bytes] | None:
        """Return the body for one attempt."""
        return self.body if self.content is None else self._counted(self.content)

    async def _counted(self, content: Content) -> AsyncIterator[bytes]:
        """Yield the content; ``unreadable`` says afterwards why it was no use.

        A body that does not fit its promised length would be stored wrong, or waited for.
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
                f"the file {content.name!r} has changed: it holds no longer {content.size} bytes"
            )
            raise ValueError(self.unreadable)


def _encoded(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # lone surrogates, integers over 64 bit: the standard library writes them
        return standard_json.dumps(value).encode("ascii")


def _pairs(params: Mapping[str, str | int | Sequence[str | int]]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        values = [value] if isinstance(value, str | int) else value
        pairs += [(name, str(each)) for each in values]
    return pairs


def _secret_values(named: Mapping[str, str]) -> list[str]:
    values = []
    for name, value in named.items():
        if any(word in name.lower() for word in SECRET_WORDS):
            values.append(value)
            scheme, _, credentials = value.partition(" ")
            if scheme.lower() in {"basic", "bearer"}:
                values.append(credentials)
    return values
