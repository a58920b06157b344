from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Program
from tests.unit.cli.memory_shop import SINKS
from ztoq_core.store import Store


@pytest.fixture(autouse=True)
def fresh_target() -> None:
    SINKS.pop("demo", None)


def test_demo_migrates_between_the_plugins_simulators(ztoq: Program) -> None:
    (ztoq.folder / "ztoq.toml").unlink()
    said = ztoq("demo")
    assert said.code == 0, said.err
    assert said.out.startswith("Migration complete: all ")
    assert "ztoq-demo/report.html in a browser" in said.err
    folder = ztoq.folder / "ztoq-demo"
    assert (folder / "report.html").exists()
    assert (folder / "report.json").exists()
    with Store(f"sqlite:///{folder}/ztoq.db", create=False) as store:
        assert store.meta("source") == "memory DEMO"


def test_demo_may_be_run_again_and_keeps_what_is_not_its_own(ztoq: Program) -> None:
    assert ztoq("demo", "--folder", "here").code == 0
    (ztoq.folder / "here" / "notes.txt").write_text("mine")
    SINKS.pop("demo")
    assert ztoq("demo", "--folder", "here").code == 0
    assert (ztoq.folder / "here" / "notes.txt").read_text() == "mine"


def test_demo_takes_no_folder_with_other_things(ztoq: Program) -> None:
    mine = ztoq.folder / "mine" / "ztoq.db"
    mine.parent.mkdir()
    mine.write_text("a real store")
    said = ztoq("demo", "--folder", "mine")
    assert said.code == 2
    assert "'mine' holds other things; choose another --folder" in said.err
    assert mine.read_text() == "a real store"


def test_demo_looks_at_no_setting_of_the_environment(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZTOQ_SOURCE_PROJECT", "ACME")
    monkeypatch.setenv("ZTOQ_STORE_URL", "sqlite:///other.db")
    assert ztoq("demo").code == 0
    assert not (ztoq.folder / "ztoq-demo" / "other.db").exists()


def test_demo_without_simulators_says_what_to_install(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = EntryPoint(name="bad", value="nothing.of.this.name", group="ztoq")
    monkeypatch.setattr("ztoq_core.plugins.entry_points", lambda group: [bad] * bool(group))
    said = ztoq("demo")
    assert said.code == 2
    assert "pip install ztoq-zephyr ztoq-qtest ztoq-mappings; bad: ModuleNotFound" in said.err
    assert not Path("ztoq-demo").exists()
