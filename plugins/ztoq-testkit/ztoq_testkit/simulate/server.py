"""A simulator's server: one table of routes, served on loopback by aiohttp."""

from __future__ import annotations

import asyncio
import inspect
import re
import ssl
import traceback
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self
from urllib.parse import unquote

import attrs
from aiohttp import web

from ztoq_testkit.simulate.faults import Fault, Faults
from ztoq_testkit.simulate.messages import Handler, Refusal, Reply, Request, Route

LOG_LENGTH = 10_000
CHUNK = 64 * 1024
PAGE = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"


def _page(status: int) -> Reply:
    return Reply(status, content=PAGE, content_type="text/html")


def _missing(_: Request) -> Reply:
    return Reply(404, {"message": "no such path"})


class _Tree(dict[str, "_Tree"]):
    """The routes of a method by the segments of their paths; ``/`` stands for a parameter."""

    place: int | None = None


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")


def _table(routes: Iterable[Route]) -> tuple[Route, ...]:
    return tuple(routes)


@attrs.define(eq=False)
class Server:
    """Serves a table of routes. It may be stopped and served again: the state is the handlers'.

    ``authorise`` looks at each request before its route and raises ``Refusal``. ``on_missing``
    answers what no route serves (default: 404). Half of ``latency`` (seconds) passes before the
    handler, half after it. ``recorder`` is told of each exchange that came to a handler, to
    ``authorise`` or to ``on_missing``. ``finish`` may change any answer that is sent, such as by a
    header; ``keepalive`` is how long an idle connection stays open, in seconds.

    ``calls`` counts requests by (method, template), refused ones included; ``log`` holds the last
    10,000 as (method, path, query, status; 0 where the connection was cut). A handler that fails is
    answered by 500; ``errors`` holds its traceback, which also goes to the log of aiohttp.
    """

    routes: Sequence[Route] = attrs.field(converter=_table)
    name: str = attrs.field(kw_only=True)
    latency: float = attrs.field(default=0.0, kw_only=True)
    faults: Faults | None = attrs.field(default=None, kw_only=True)
    authorise: Callable[[Request], None] | None = attrs.field(default=None, kw_only=True)
    on_missing: Handler | None = attrs.field(default=None, kw_only=True)
    recorder: Callable[[Request, Reply], None] | None = attrs.field(default=None, kw_only=True)
    finish: Callable[[Request, Reply], Reply] | None = attrs.field(default=None, kw_only=True)
    keepalive: float = attrs.field(default=75.0, kw_only=True)
    calls: Counter[tuple[str, str]] = attrs.field(factory=Counter, init=False)
    log: deque[tuple[str, str, str, int]] = attrs.field(
        factory=lambda: deque(maxlen=LOG_LENGTH), init=False
    )
    errors: list[str] = attrs.field(factory=list, init=False)
    _fixed: dict[tuple[str, str], Route] = attrs.field(factory=dict, init=False, repr=False)
    _trees: dict[str, _Tree] = attrs.field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Sort the table; a line that another one hides is a mistake."""
        seen = set()
        for number, route in enumerate(self.routes):
            place = (route.method, re.sub(r"\{[^/]*\}", "{}", route.template))
            if place in seen:
                raise ValueError(f"{self.name}: {route.method} {route.template} is served twice")
            seen.add(place)
            if "{" in route.template:
                tree = self._trees.setdefault(route.method, _Tree())
                for segment in route.template.split("/")[1:]:
                    tree = tree.setdefault("/" if _is_parameter(segment) else segment, _Tree())
                tree.place = number
            else:
                self._fixed[route.method, route.template] = route

    @asynccontextmanager
    async def serving(
        self, port: int = 0, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[str]:
        """Serve, and yield the base URL without a slash at its end; port 0 takes a free one."""
        server = web.Server(self._serve, keepalive_timeout=self.keepalive, access_log=None)
        # what still waits (a slow answer) is cut soon: nobody reads it any more
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.05)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
            yield f"{'https' if tls else 'http'}://{host}:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route of a path (still percent-encoded) with its decoded parameters."""
        if fixed := self._fixed.get((method, raw_path)):
            return fixed, {}
        segments = raw_path.split("/")
        trees = [self._trees[method]] if method in self._trees else []
        for segment in segments[1:]:
            names = (segment, "/") if segment else ("",)
            trees = [tree[name] for tree in trees for name in names if name in tree]
        places = [tree.place for tree in trees if tree.place is not None]
        if not places:
            return None
        route = self.routes[min(places)]
        pairs = zip(route.template.split("/"), segments, strict=True)
        return route, {name[1:-1]: unquote(given) for name, given in pairs if _is_parameter(name)}

    async def _serve(self, incoming: web.BaseRequest) -> web.StreamResponse:
        url = incoming.rel_url
        found = self.find(incoming.method, url.raw_path)
        route, params = found or (None, {})
        stream = route is not None and route.stream
        whole = incoming.body_exists and not stream
        request = Request(
            method=incoming.method,
            path=url.path,
            route=route.template if route else "",
            params=params,
            query=url.query,
            headers=incoming.headers,
            origin=f"{incoming.scheme}://{incoming.host}",
            body=await incoming.content.read() if whole else b"",
            chunks=(lambda: incoming.content.iter_chunked(CHUNK)) if stream else None,
        )
        self.calls[request.method, request.route] += 1
        with _Exchange(self, request, url.raw_query_string) as exchange:
            return await self._exchange(incoming, request, route, exchange)

    async def _exchange(
        self, incoming: web.BaseRequest, request: Request, route: Route | None, exchange: _Exchange
    ) -> web.StreamResponse:
        faults = self.faults
        if faults and faults.limited():
            wait = faults.retry_after
            headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
            return await _send(incoming, exchange.ends(Reply(429, headers=headers)))
        if self.latency:
            await asyncio.sleep(self.latency / 2)
        fault = faults.draw(request) if faults else None
        if fault is Fault.RESET_BEFORE:
            return _cut(incoming, exchange)
        if faults and fault is Fault.ERROR_5XX:
            return await _send(incoming, exchange.ends(_page(faults.status_5xx())))
        reply = exchange.ends(await self._answer(request, route))
        if self.recorder:
            self.recorder(request, reply)
        if self.latency:
            await asyncio.sleep(self.latency / 2)
        if faults and fault is Fault.SLOW:
            await asyncio.sleep(faults.slow_seconds)
        if fault is Fault.LOST:
            return _cut(incoming, exchange)
        if fault in (Fault.ERROR_AFTER, Fault.HTML):
            reply = exchange.ends(_page(500 if fault is Fault.ERROR_AFTER else reply.status))
        return await _send(incoming, reply, cut=fault is Fault.CUT_BODY)

    async def _answer(self, request: Request, route: Route | None) -> Reply:
        handler = route.handler if route else self.on_missing or _missing
        try:
            if self.authorise:
                self.authorise(request)
            answer = handler(request)
            return await answer if inspect.isawaitable(answer) else answer
        except Refusal as refusal:
            return refusal.reply()


class _Exchange:
    """Notes how a request ended, a failing handler included."""

    def __init__(self, server: Server, request: Request, query: str) -> None:
        self.server = server
        self.request = request
        self.query = query
        self.status = 500

    def ends(self, reply: Reply) -> Reply:
        if self.server.finish:
            reply = self.server.finish(self.request, reply)
        self.status = reply.status
        return reply

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and isinstance(error, Exception):
            if not isinstance(error, ConnectionError):  # the client went away: no bug of ours
                self.server.errors.append("".join(traceback.format_exception(error)))
            self.status = 500
        line = (self.request.method, self.request.path, self.query, self.status)
        self.server.log.append(line)


def _cut(incoming: web.BaseRequest, exchange: _Exchange) -> web.StreamResponse:
    exchange.status = 0
    if incoming.transport is not None:
        incoming.transport.abort()
    return web.Response()  # goes nowhere


async def _send(
    incoming: web.BaseRequest, reply: Reply, *, cut: bool = False
) -> web.StreamResponse:
    content = reply.bytes_or_iterator()
    headers = dict(reply.headers)
    if media_type := reply.media_type():
        headers["Content-Type"] = media_type
    if isinstance(content, bytes) and not cut:
        return web.Response(status=reply.status, body=content, headers=headers)
    response = web.StreamResponse(status=reply.status, headers=headers)
    if isinstance(content, bytes):
        response.content_length = max(len(content), 2)
        await response.prepare(incoming)
        await response.write(content[: len(content) // 2] or b"{")
    else:
        await response.prepare(incoming)
        async for chunk in content:
            await response.write(chunk[: len(chunk) // 2] if cut else chunk)
            if cut:
                break
    if cut and incoming.transport is not None:
        incoming.transport.close()  # lets out what was written, then ends
    else:
        await response.write_eof()
    return response
