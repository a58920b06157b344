"""What the handlers of a simulator get and give: requests, replies, refusals, routes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import attrs
import orjson
from multidict import CIMultiDictProxy, MultiMapping

from ztoq_core.convert import read_json


@attrs.define(kw_only=True)
class Request:
    """A request as it came, with the route that serves it.

    ``path`` is decoded and has no query; ``route`` is the template (``""`` where none serves it);
    ``params`` are the decoded path parameters; ``origin`` is scheme, host and port as the client
    named them, for links in bodies. ``body`` is whole, or empty where the route streams: then
    ``chunks`` yields it.
    """

    method: str
    path: str
    route: str
    params: dict[str, str]
    query: MultiMapping[str]
    headers: CIMultiDictProxy[str]
    origin: str
    body: bytes = b""
    chunks: Callable[[], AsyncIterator[bytes]] | None = None

    def json(self) -> Any:
        """Return the parsed body; raises ValueError where it is no JSON."""
        return read_json(self.body)


@attrs.define
class Reply:
    """An answer: ``body`` is sent as JSON, or ``content`` as it is; neither: an empty body.

    ``content_type`` is that of ``content``; JSON has its own unless another is named. A
    content that is an iterator is sent in chunks; a ``Content-Length`` among the headers is kept.
    """

    status: int = 200
    body: Any = None
    content: bytes | AsyncIterator[bytes] | None = None
    content_type: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def bytes_or_iterator(self) -> bytes | AsyncIterator[bytes]:
        """Return what goes over the wire."""
        if self.content is not None:
            return self.content
        if self.body is None:
            return b""
        try:
            return orjson.dumps(self.body)
        except (TypeError, ValueError):
            # lone surrogates and integers over 64 bit, which services do send
            return json.dumps(self.body).encode("ascii")

    def media_type(self) -> str:
        """Return the value of the header Content-Type, ``""`` for none."""
        if self.content_type:
            return self.content_type
        if self.content is not None:
            return "application/octet-stream"
        return "" if self.body is None else "application/json"


class Refusal(Exception):  # noqa: N818 - a simulator refuses on purpose; nothing failed
    """What a handler raises to refuse a request; ``body`` is sent as JSON."""

    def __init__(
        self, status: int, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers: Mapping[str, str] = headers or {}

    def reply(self) -> Reply:
        """Return the refusal as an answer."""
        return Reply(self.status, self.body, headers=self.headers)


Handler = Callable[[Request], Reply | Awaitable[Reply]]


@attrs.frozen
class Route:
    """One line of a simulator's table.

    ``template`` is a path such as ``/v2/testcases/{key}/teststeps``; a parameter is a whole
    segment. A route without parameters goes before one with, and of two with parameters the one
    that is listed first. ``stream`` True: the body is not read; the handler reads
    ``request.chunks()``.
    """

    method: str
    template: str
    handler: Handler
    stream: bool = False
