"""The code is built as ``docs/architecture.md`` says: rooms, imports, who may do what."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    ROOT / "ztoq_core",
    *sorted(ROOT.glob("plugins/*/ztoq_*")),
    *sorted(ROOT.glob("mappings/*/ztoq_*")),
)
MOST_LINES = 600  # that are not empty
BORDERS = {
    "ztoq_core/declarations.py",  # importing a plugin
    "ztoq_core/plugin_calls.py",  # calling one
}


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]


def test_imports_run_one_way_and_plugins_use_their_door() -> None:
    """The contracts are in pyproject.toml, ``[tool.importlinter]``.

    In a process of its own: in this one, the linter would switch off the loggers of the others.
    """
    linter = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [linter, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout


def test_no_module_is_too_long() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := sum(map(bool, path.read_text("utf-8").splitlines()))) > MOST_LINES
    }
    assert not long


def test_every_exception_is_caught_only_at_the_borders_to_plugins() -> None:
    found = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = ast.unparse(node.type) if node.type else "everything"
            raises = any(isinstance(each, ast.Raise) and not each.exc for each in node.body)
            if caught in {"everything", "Exception"} or (caught == "BaseException" and not raises):
                found.add(str(path.relative_to(ROOT)))
    assert found == BORDERS


def test_only_the_facade_speaks_to_pluggy() -> None:
    found = {
        path.name
        for path in modules()
        if "import pluggy" in path.read_text("utf-8").partition('"""\n\n')[2]
    }
    assert found == {"hookspecs.py", "declarations.py"}


def test_only_the_store_speaks_sql() -> None:
    found = {
        path.parent.name
        for path in modules()
        if any(word in path.read_text("utf-8") for word in ("import peewee", "import playhouse"))
    }
    assert found <= {"store"}


def test_only_what_hands_names_on_lists_them() -> None:
    """A name without an underscore is for other modules; doors say what they hand on besides."""
    found = {
        str(path.relative_to(ROOT))
        for path in modules()
        if not path.is_relative_to(ROOT / "ztoq_core")
        and path.name not in {"__init__.py", "testing.py"}
        and re.search("^__all__ = ", path.read_text("utf-8"), re.MULTILINE)
    }
    assert not found
