"""A signal ends the process whatever it waits for: as a user sends it, to a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from ztoq_demo.zephyr.access import token

TIMEOUT = 8

ANSWERS = {
    "nobody answers": b"",
    "an outage": b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}",
    "Retry-After": b"HTTP/1.1 429 Slow\r\nRetry-After: 200\r\nContent-Length: 2\r\n\r\n{}",
}


async def ended(folder: Path, answer: bytes, signals: list[signal.Signals]) -> tuple[int, float]:
    """Return the exit code of an extraction, and the seconds from the first signal to its end."""
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            asked.set()
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (folder / "ztoq.toml").write_text(
        f'[source]\nuse = "zephyr"\nbase_url = "http://127.0.0.1:{port}/v2"\nproject = "DEMO"\n'
        f'token = {{ env = "TOKEN" }}\ntimeout = {TIMEOUT}\n'
        f'[sink]\nuse = "qtest"\nbase_url = "http://127.0.0.1:{port}"\nproject = 1\n'
        'token = { env = "TOKEN" }\n'
    )
    async with server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ztoq_core", "extract"),
            cwd=folder,
            env={**os.environ, "TOKEN": token(), "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        try:
            await asyncio.wait_for(asked.wait(), 90)
            await asyncio.sleep(2)
            began = time.monotonic()
            for each in signals:
                with suppress(ProcessLookupError):  # it may have ended at the one before
                    process.send_signal(each)
                await asyncio.sleep(0.2)
            code = await asyncio.wait_for(process.wait(), 30)
        finally:
            if process.returncode is None:
                process.kill()
    return code, time.monotonic() - began


@pytest.mark.acceptance
@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_one_signal_ends_the_process_within_the_time_out_of_a_request(
    what: str, number: signal.Signals, tmp_path: Path
) -> None:
    code, seconds = await ended(tmp_path, ANSWERS[what], [number])
    assert code == 130
    assert seconds < TIMEOUT + 5


@pytest.mark.acceptance
@pytest.mark.parametrize("what", ANSWERS)
async def test_a_second_signal_ends_it_within_ten_seconds(what: str, tmp_path: Path) -> None:
    code, seconds = await ended(tmp_path, ANSWERS[what], [signal.SIGTERM, signal.SIGTERM])
    assert code in {130, -signal.SIGTERM}  # the second one may meet a process that is ending
    assert seconds < 10
