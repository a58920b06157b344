"""A proxy that breaks connections: stands before any server (a database too), obeys a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

CHUNK = 64 * 1024


@attrs.define(eq=False)
class FaultProxy:
    """Hands TCP connections on to ``host:port``, both ways, until it is told otherwise.

    ``delay`` are the seconds that each piece of data waits, either way. ``accepted`` counts the
    connections that came. While it is down nobody listens: connecting is refused.
    """

    host: str
    port: int
    delay: float = 0.0
    accepted: int = attrs.field(default=0, init=False)
    own_port: int = attrs.field(default=0, init=False)
    _server: asyncio.Server | None = attrs.field(default=None, init=False)
    _writers: set[asyncio.StreamWriter] = attrs.field(factory=set, init=False)
    _tasks: set[asyncio.Future[None]] = attrs.field(factory=set, init=False)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve, and yield ``host:port`` of the proxy."""
        await self.up()
        try:
            yield f"127.0.0.1:{self.own_port}"
        finally:
            await self.down()

    async def up(self) -> None:
        """Listen, on the same port as before if it was up before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.own_port)
            self.own_port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Listen no more and cut all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Cut all connections; new ones are handed on."""
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._tasks)
        await asyncio.sleep(0)  # the transports close in the next turn of the loop

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks.add(ended)
        self._writers.add(writer)
        try:
            await self._connect(reader, writer)
        finally:
            writer.transport.abort()
            self._writers.discard(writer)
            self._tasks.discard(ended)
            ended.set_result(None)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(self.host, self.port)
        except OSError:
            return  # nobody listens there, and so it shows here
        self._writers.add(back)
        try:
            await asyncio.gather(
                self._hand_on(reader, back, writer), self._hand_on(there, writer, back)
            )
        finally:
            back.transport.abort()
            self._writers.discard(back)

    async def _hand_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        source: asyncio.StreamWriter,
    ) -> None:
        """Copy from ``reader`` (whose other half is ``source``) to ``writer``."""
        try:
            while data := await reader.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
            if not writer.is_closing():
                writer.write_eof()
        except OSError:  # one side was cut: so is the other
            writer.transport.abort()
            source.transport.abort()
