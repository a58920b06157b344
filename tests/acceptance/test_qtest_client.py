"""The qTest simulator as the client sees it that was generated from the vendor's document."""

from __future__ import annotations

import subprocess
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest
from ztoq_demo.qtest import Options, Simulator

from tests.shared import SHARED
from tests.vendor.exchanges import Recorder
from tests.vendor.qtest_document import Document

TOOLS = SHARED / "tools"

# the client leaves out what the document requires, and says True for true
KNOWN = ("at test_case: 'properties' is a required property",)

pytestmark = [
    pytest.mark.shared("tools", "specs/qtest-manager-v3.openapi3.json"),
    pytest.mark.timeout(600),
]


async def _run(*command: str) -> str:
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-3000:]
    return said.decode()


def _make(*command: str) -> None:
    subprocess.run(command, check=True, timeout=300)


@pytest.fixture(scope="module")
def client() -> str:
    """The Python of an environment that holds the generated client; made once, kept in a cache."""
    wanted = TOOLS / "qtest_client_requirements.txt"
    home = Path.home() / ".cache" / "ztoq-tests" / "qtest-client"
    python = home / "bin" / "python"
    done = home / "requirements.txt"
    if not done.is_file() or done.read_bytes() != wanted.read_bytes():
        _make(sys.executable, "-m", "venv", "--clear", str(home))
        _make(str(python), "-m", "pip", "install", "--quiet", "--requirement", str(wanted))
        done.write_bytes(wanted.read_bytes())
    return str(python)


@pytest.mark.parametrize(
    "words",
    [[], ["--auto"], ["--auto", "--user", "u", "--password", "p"], ["--auto", "--strict"]],
    ids=["token", "automation", "login", "strict"],
)
async def test_the_generated_client_gets_through(client: str, words: list[str]) -> None:
    simulator = Simulator(Options(automation=True, username="u", password="p"))
    driver = str(TOOLS / "qtest_client_smoke.py")
    async with simulator.serving() as base_url:
        site = ["--base-url", base_url, "--token", simulator.options.token]
        said = await _run(client, driver, *site, *words)
    assert ", 0 FAIL, 0 SKIP of" in said, said
    assert simulator.server.errors == []


async def test_its_exchanges_are_those_of_the_document(client: str) -> None:
    recorder = Recorder()
    simulator = Simulator(Options(automation=True), recorder=recorder)
    driver = str(TOOLS / "qtest_client_smoke.py")
    async with simulator.serving() as base_url:
        site = ["--base-url", base_url, "--token", simulator.options.token]
        await _run(client, driver, *site, "--auto")
    assert len(recorder.exchanges) > 60
    document = Document()
    found = document.check_all(recorder.exchanges)
    assert [line for line in found if not line.endswith(KNOWN)] == []
    assert document.status_differences(recorder.exchanges) == set()
