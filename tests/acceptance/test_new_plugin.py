"""``ztoq plugin new``: each package is installed, checked, tested, and migrates ten records."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(240)

TEN = "all 10 records exist in the target as they were sent"
WITH_FOLDER = "all 11 records exist in the target as they were sent"
MODULE = (sys.executable, "-m")


def run(folder: Path, *command: str) -> str:
    env = {
        **os.environ,
        "PYTHONPATH": "site",
        "COLUMNS": "200",
        "ACME_WIKI_TOKEN": "of-a-simulator",
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def simulator(folder: Path, port: str) -> Iterator[None]:
    """Serve the package's simulator."""
    command = (*MODULE, "ztoq_acme_wiki.simulator", "--port", port)
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            assert process.stdout.readline().startswith("http")
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("words", "arrived"),
    [
        ("source", TEN),
        ("source --http", TEN),
        ("sink", WITH_FOLDER),
        ("sink --http", WITH_FOLDER),
        ("transformer", WITH_FOLDER),
    ],
)
def test_a_new_plugin_is_installed_tested_and_run(
    tmp_path: Path, unused_tcp_port: int, words: str, arrived: str
) -> None:
    ztoq = (*MODULE, "ztoq_core")
    kind, *options = words.split()
    run(tmp_path, *ztoq, "plugin", "new", kind, "acme-wiki", *options)
    folder = tmp_path / "ztoq-acme-wiki"
    pip = (*MODULE, "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(folder, *pip, "--no-build-isolation", "--target", "site", ".")
    assert "acme-wiki" in run(folder, *ztoq, "plugins")
    run(folder, *MODULE, "ruff", "check", "--exclude", "site", ".")
    run(folder, *MODULE, "ruff", "format", "--check", "--exclude", "site", ".")
    run(folder, *MODULE, "mypy", "ztoq_acme_wiki", "tests")
    assert " passed" in run(folder, *MODULE, "pytest", "-q", "-p", "no:cacheprovider")

    config = folder / "ztoq.toml"
    config.write_text(config.read_text().replace("8765", str(unused_tcp_port)))
    if (folder / "ztoq_acme_wiki" / "simulator.py").exists():
        with simulator(folder, str(unused_tcp_port)):
            assert arrived in run(folder, *ztoq, "migrate")
    else:
        assert arrived in run(folder, *ztoq, "migrate")
