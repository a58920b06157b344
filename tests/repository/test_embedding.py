"""The page about embedding runs from its first block to its last, and the example beside it."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from ztoq_demo.qtest.demo import demo as qtest_site
from ztoq_demo.zephyr.demo import demo as zephyr_site

from ztoq_core import Config
from ztoq_core.errors import Exit

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture
async def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Config]:
    """Serve both products; in the folder there is a config that names them."""
    async with zephyr_site() as source, qtest_site() as sink:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("ZEPHYR_TOKEN", source["token"].reveal())
        monkeypatch.setenv("QTEST_TOKEN", sink["token"].reveal())
        monkeypatch.setenv("JIRA_TOKEN", source["jira"]["token"].reveal())
        (tmp_path / "ztoq.toml").write_text(
            f'[source]\nuse = "zephyr"\nbase_url = "{source["base_url"]}"\n'
            f'project = "{source["project"]}"\ntoken = {{ env = "ZEPHYR_TOKEN" }}\n'
            f'[source.jira]\nbase_url = "{source["jira"]["base_url"]}"\n'
            f'email = "{source["jira"]["email"]}"\ntoken = {{ env = "JIRA_TOKEN" }}\n'
            f'[sink]\nuse = "qtest"\nbase_url = "{sink["base_url"]}"\n'
            f'project = {sink["project"]}\ntoken = {{ env = "QTEST_TOKEN" }}\n'
            "create_fields = true\n"
        )
        yield Config.load()


async def run_block(code: str, names: dict[str, Any]) -> None:
    """Run a block as a notebook does, where ``await`` may stand anywhere."""
    compiled = compile(code, "embedding.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if inspect.isawaitable(waited := eval(compiled, names)):  # noqa: S307 - our own page
        await waited


@pytest.mark.usefixtures("config")
async def test_the_page_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    blocks = BLOCK.findall((ROOT / "docs" / "embedding.md").read_text("utf-8"))
    try:
        for block in blocks:
            await run_block(block, names)
    finally:
        logger.disable("ztoq_core")  # the last block turned it on

    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("OK Migration complete")
    assert "test_case 61 63 0 0 0 0" in said
    assert (tmp_path / "records.csv").read_text().startswith("key,kind,title,")
    assert "load has ended" not in said  # a dry run ends before
    assert names["planned"].forecast.plan.total.create == 0
    assert names["config"].sink.settings.project == 4242


async def test_the_example_migrates_and_stops(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ROOT / "examples" / "embed" / "embed.py"
    spec = importlib.util.spec_from_file_location("embed", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    stopped = await module.migrate(config, seconds=0.0)
    assert stopped.exit is Exit.INTERRUPTED
    ended = await module.migrate(config)
    assert ended.exit is Exit.OK
    assert "info: qTest project 'Demo' can be reached" in capsys.readouterr().out
    assert (config.folder / "report.html").exists()
