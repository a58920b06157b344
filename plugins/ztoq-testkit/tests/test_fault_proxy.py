"""The proxy that breaks connections."""

from __future__ import annotations

import asyncio

import pytest
from ztoq_testkit.simulate import FaultProxy
from ztoq_testkit.virtual_time import run_in_virtual_time

CUT = (ConnectionError, asyncio.IncompleteReadError)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1000):
            writer.write(data.upper())
        writer.write(b"END")
    except ConnectionError:
        pass  # it was cut
    finally:
        writer.close()


async def _proxy() -> tuple[asyncio.Server, FaultProxy]:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    return server, FaultProxy("127.0.0.1", server.sockets[0].getsockname()[1])


def test_it_hands_data_on_both_ways_and_ends_as_its_ends_do() -> None:
    async def work() -> None:
        server, proxy = await _proxy()
        async with server, proxy.serving() as address:
            assert address == f"127.0.0.1:{proxy.own_port}"
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.own_port)
            writer.write(b"abc")
            assert await reader.readexactly(3) == b"ABC"
            proxy.delay = 10.0
            writer.write(b"def")
            began = asyncio.get_running_loop().time()
            assert await reader.readexactly(3) == b"DEF"
            assert asyncio.get_running_loop().time() - began >= 20
            writer.write_eof()
            assert await reader.read() == b"END"
            writer.close()
        assert proxy.accepted == 1

    run_in_virtual_time(work())


def test_it_cuts_goes_down_and_comes_up_on_the_same_port() -> None:
    async def work() -> None:
        server, proxy = await _proxy()
        async with server, proxy.serving():
            for breaking in (proxy.cut, proxy.down):
                reader, writer = await asyncio.open_connection("127.0.0.1", proxy.own_port)
                writer.write(b"abc")
                assert await reader.readexactly(3) == b"ABC"
                await breaking()
                with pytest.raises(CUT):
                    await reader.readexactly(1)
                writer.close()
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", proxy.own_port)
            await proxy.up()
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.own_port)
            writer.write(b"abc")
            assert await reader.readexactly(3) == b"ABC"
            writer.close()

    run_in_virtual_time(work())


def test_nobody_behind_it_shows_as_a_cut() -> None:
    async def work() -> None:
        server, proxy = await _proxy()
        server.close()
        await server.wait_closed()
        async with proxy.serving():
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.own_port)
            with pytest.raises(CUT):
                await reader.readexactly(1)
            writer.close()

    run_in_virtual_time(work())
