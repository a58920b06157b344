"""``ztoq plugin new``: what it writes and what it refuses."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest
from ztoq_testkit.scaffold.package import NewPlugin

from ztoq_core.cli import run
from ztoq_core.errors import ConfigError

EVERY = [
    ("source", False),
    ("source", True),
    ("sink", False),
    ("sink", True),
    ("transformer", False),
]


@pytest.mark.parametrize(("kind", "http"), EVERY)
def test_a_package_is_whole(tmp_path: Path, kind: str, *, http: bool) -> None:
    folder = tmp_path / "new"
    written = NewPlugin(kind=kind, name="acme-wiki", http=http).write(folder)
    assert {path.relative_to(folder).as_posix() for path in written} >= {
        *(".github/workflows/ci.yml", "pyproject.toml", "README.md", "ztoq.toml"),
        *("ztoq_acme_wiki/__init__.py", "ztoq_acme_wiki/py.typed"),
    }
    for path in written:
        text = path.read_text("utf-8")
        assert "$" not in text, path
        if path.suffix == ".py":
            ast.parse(text)
        if path.suffix == ".toml":
            tomllib.loads(text)
    assert any(path.name.startswith("test_") for path in written)


@pytest.mark.parametrize("name", ["", "Wiki", "wiki_2", "2wiki", "wiki-", "a--b", "ẃiki", "../x"])
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name for a plugin"):
        NewPlugin(kind="source", name=name).write(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_name_of_an_installed_plugin_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("ztoq_files", reason="needs a plugin, and the kit may be alone")
    with pytest.raises(ConfigError, match="of ztoq-files is installed"):
        NewPlugin(kind="sink", name="jsonl").write(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "ztoq-wiki").mkdir()
    with pytest.raises(ConfigError, match="exists already"):
        NewPlugin(kind="sink", name="wiki").write(tmp_path / "ztoq-wiki")


def test_a_transformer_speaks_no_http(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="leave out --http"):
        NewPlugin(kind="transformer", name="wiki", http=True).write(tmp_path / "new")


def test_the_command_lists_the_files_and_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plugin", "new", "source", "wiki"]) == 0
    said = capsys.readouterr()
    assert "ztoq-wiki/ztoq_wiki/__init__.py" in said.out
    assert "Next: cd ztoq-wiki && pip install -e '.[test]' && pytest" in said.err
    assert run(["plugin", "new", "source", "wiki"]) == 2
