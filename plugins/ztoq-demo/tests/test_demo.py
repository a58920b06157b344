from __future__ import annotations

import re
from pathlib import Path

import pytest

from ztoq_core.cli.app import run
from ztoq_core.store import Store


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_demo_migrates_and_may_be_run_again(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # no setting of the environment reaches the demo
    monkeypatch.setenv("ZTOQ_SOURCE_PROJECT", "ACME")
    monkeypatch.setenv("ZTOQ_STORE_URL", "sqlite:///other.db")
    said = []
    for _ in range(2):
        assert run(["demo", "--folder", "here"]) == 0
        said.append(capsys.readouterr().err)
        assert "here/report.html in a browser" in said[-1]
        (folder / "here" / "notes.txt").write_text("mine")
    assert (folder / "here" / "report.html").exists()
    assert (folder / "here" / "report.json").exists()
    assert (folder / "here" / "notes.txt").read_text() == "mine"
    assert not (folder / "here" / "other.db").exists()
    with Store(f"sqlite:///{folder}/here/ztoq.db", create=False) as store:
        assert store.facts.source == "zephyr 127.0.0.1 DEMO"
    assert the_counts_add_up(said[0])


def the_counts_add_up(said: str) -> bool:
    (line,) = re.findall(r"^load +(.*) \(\d+ s, [\d,]+ calls\)$", said, re.MULTILINE)
    pairs = [re.fullmatch(r"(\d+) of (\d+) .*", each) for each in line.split(", ")]
    return all(pair and pair[1] == pair[2] for pair in pairs)


def test_demo_takes_no_folder_with_other_things(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = folder / "mine" / "ztoq.db"
    mine.parent.mkdir()
    mine.write_text("a real store")
    assert run(["demo", "--folder", "mine"]) == 2
    assert "'mine' holds other things; choose another --folder" in capsys.readouterr().err
    assert mine.read_text() == "a real store"
