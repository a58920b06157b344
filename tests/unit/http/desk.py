"""A service on loopback that keeps what it was sent, and its client, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import attrs
from ztoq_testkit.simulate import Faults, Reply, Request, Route, Server
from ztoq_testkit.virtual_time import run_in_virtual_time

from ztoq_core.contracts import Connection
from ztoq_core.http.client import Client, open_client

TOKEN = "s3cr3t/tok+en"


class Bearer:
    """Credentials that can be renewed a few times."""

    def __init__(self, token: str = TOKEN, renewals: int = 0) -> None:
        self.token = token
        self.left = renewals
        self.renewed = 0

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        if refused["Authorization"] != f"Bearer {self.token}":
            return True
        if not self.left:
            return False
        self.left -= 1
        self.renewed += 1
        self.token = TOKEN
        await asyncio.sleep(0.1)
        return True


@attrs.define
class Desk:
    """A service that keeps what it was sent, and the client that talks to it."""

    seen: list[Request] = attrs.field(factory=list)
    reply: Callable[[Request], Reply] = lambda _: Reply(200, {"ok": True})
    faults: Faults = attrs.field(factory=lambda: Faults(slow_seconds=100_000.0))
    authorise: Callable[[Request], None] | None = None
    auth: Bearer | None = attrs.field(factory=Bearer)
    options: dict[str, Any] = attrs.field(factory=dict)
    outage: float = 300.0
    probe: str = ""
    routes: list[Route] = attrs.field(factory=list)
    _port: int = 0
    _serving: AsyncExitStack = attrs.field(factory=AsyncExitStack)

    def handle(self, request: Request) -> Reply:
        self.seen.append(request)
        return self.reply(request)

    def run(self, work: Callable[[Client], Awaitable[Any]]) -> Any:
        async def serve() -> Any:
            base_url = await self.start()
            connection = Connection(base_url=f"{base_url}/api/", **self.options)
            async with (
                self._serving,
                open_client(connection, self.auth, probe=self.probe, outage=self.outage) as client,
            ):
                return await work(client)

        return run_in_virtual_time(serve())

    async def start(self) -> str:
        base_url = await self._serving.enter_async_context(self.server().serving(self._port))
        self._port = int(base_url.rpartition(":")[2])
        return base_url

    async def stop(self) -> None:
        await self._serving.aclose()

    def server(self) -> Server:
        routes = [
            Route(method, template, self.handle)
            for method in ("GET", "POST", "PUT", "DELETE")
            for template in ("/api/things", "/api/things/{key}", "/api/other")
        ]
        return Server(
            [*self.routes, *routes],
            name="desk",
            faults=self.faults,
            authorise=self.authorise,
            keepalive=3600.0,
        )
