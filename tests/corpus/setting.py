"""The configuration of a run between the two simulators, and the command itself as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.corpus.pictures import FOLDER

PROJECT_ID = 4242
SECRETS = ("ZEPHYR_TOKEN", "QTEST_TOKEN")
TEMPLATE = """\
[store]
url = "{store}"

[source]
use = "zephyr"
base_url = "{zephyr}"
project = "{project}"
token = {{ env = "ZEPHYR_TOKEN" }}

[sink]
use = "qtest"
base_url = "{qtest}"
project = {number}
token = {{ env = "QTEST_TOKEN" }}
create_fields = true

[images]
folder = "{pictures}"
"""


def write_config(  # noqa: PLR0913 - each is one key of the file
    folder: Path,
    zephyr: str,
    qtest: str,
    *,
    store: str = "sqlite:///migration.db",
    project: str = "MM",
    number: int = PROJECT_ID,
) -> Path:
    """Write ``ztoq.toml`` and return its path; relative stores lie beside it."""
    path = folder / "ztoq.toml"
    (folder / FOLDER).mkdir(exist_ok=True)
    path.write_text(
        TEMPLATE.format(
            store=store,
            zephyr=zephyr,
            qtest=qtest,
            project=project,
            number=number,
            pictures=FOLDER,
        ),
        "utf-8",
    )
    return path


def environment(zephyr_token: str, qtest_token: str) -> dict[str, str]:
    """Return the environment of a run with both tokens; proxies of this machine are left out.

    Bytecode is kept, as in an installed package: compiling costs more than half a second a start.
    """
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "ZEPHYR_TOKEN": zephyr_token, "QTEST_TOKEN": qtest_token, "NO_COLOR": "1"}


def command(config: Path, *arguments: str) -> list[str]:
    """Return the command line of ``ztoq`` with this configuration."""
    return [sys.executable, "-m", "ztoq_core", "--config", str(config), *arguments]


def ztoq(
    config: Path, *arguments: str, env: Mapping[str, str], timeout: float = 100.0
) -> subprocess.CompletedProcess[str]:
    """Run ``ztoq`` to its end in the folder of its configuration."""
    return subprocess.run(
        command(config, *arguments),
        cwd=config.parent,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
