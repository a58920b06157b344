"""A load into files is killed again and again and gives what an undisturbed one gives."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ztoq_files.jsonl import JsonLinesConfig, open_sink
from ztoq_testkit import lent

from tests.file_projects import write_project
from ztoq_core.records import Folder, TestCase, TestStep, Tree

pytestmark = pytest.mark.acceptance

SHOP = Folder(key="ACME-F1", name="Shop", tree=Tree.CASES)
CASES = [
    TestCase(
        key=f"ACME-T{number}",
        name=f"Case {number}",
        folder=SHOP.ref,
        steps=(TestStep(key="1", description="Open", expected="It opens"),),
    )
    for number in range(250)
]
SINKS = {
    "jsonl": ('use = "jsonl"\npath = "{name}"\n', "{name}/test_case.jsonl", "{name}"),
    "csv": (
        'use = "table"\npath = "{name}.csv"\n',
        ".{name}.csv.ztoq/test_case.jsonl",
        "{name}.csv",
    ),
}


def config(folder: Path, name: str, sink: str) -> list[str]:
    """Write a config file and return the command without its verb."""
    table = sink.format(name=name)
    text = f'[store]\nurl = "sqlite:///{name}.db"\n[source]\nuse = "jsonl"\npath = "acme"\n'
    (folder / f"{name}.toml").write_text(f"{text}[sink]\n{table}")
    return [sys.executable, "-m", "ztoq_core", "-q", "--config", f"{name}.toml"]


def run(folder: Path, command: list[str], *verbs: str) -> None:
    for verb in verbs:
        subprocess.run([*command, verb], cwd=folder, check=False, capture_output=True)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def tree(place: Path) -> dict[str, bytes]:
    """Return a file, or what is in a folder but its lock."""
    if place.is_file():
        return {"": place.read_bytes()}
    files = (each for each in place.rglob("*") if each.is_file() and each.name != ".lock")
    return {each.relative_to(place).as_posix(): each.read_bytes() for each in files}


async def prepare(folder: Path) -> None:
    async with open_sink(JsonLinesConfig(path=folder / "acme"), lent()) as sink:
        await write_project(sink, [SHOP, *CASES], {})


@pytest.mark.parametrize(("sink", "growing", "made"), SINKS.values(), ids=SINKS)
def test_kills_change_nothing_in_what_is_written(
    tmp_path: Path, sink: str, growing: str, made: str
) -> None:
    asyncio.run(prepare(tmp_path))
    run(tmp_path, config(tmp_path, "whole", sink), "extract", "transform", "load")
    killed = config(tmp_path, "killed", sink)
    run(tmp_path, killed, "extract", "transform")
    kills, before = 0, 0
    while kills < 4:
        with subprocess.Popen([*killed, "load"], cwd=tmp_path, stderr=subprocess.DEVNULL) as load:
            while load.poll() is None:
                if lines(tmp_path / growing.format(name="killed")) > before + 20:
                    load.kill()
                    kills += 1
                    break
                time.sleep(0.002)
            else:
                break
        before = lines(tmp_path / growing.format(name="killed"))
    run(tmp_path, killed, "load")

    assert kills >= 3
    assert tree(tmp_path / made.format(name="killed")) == tree(tmp_path / made.format(name="whole"))
