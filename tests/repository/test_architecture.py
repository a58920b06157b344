"""The house is built as ``docs/architecture.md`` says: imports run one way, modules stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    ROOT / "ztoq_core",
    *sorted(ROOT.glob("plugins/*/ztoq_*")),
    *sorted(ROOT.glob("mappings/*/ztoq_*")),
)
MOST_LINES = 600  # that are not empty

BELOW: dict[str, set[str]] = {
    "errors": set(),
    "tally": set(),
    "words": {"errors"},
    "records": {"words"},
    "schema": {"records"},
    "lent": {"records"},
    "contracts": {"schema", "lent"},
    "media": set(),
    "hookspecs": {"contracts"},
    "plugins": {"hookspecs"},
    "convert": {"records"},
    "spelling": set(),
    "text_files": {"errors"},
    "selection": {"errors"},
    "time_window": {"errors"},
    "waits": set(),
    "redaction": {"lent"},
    "settings": {
        *("plugins", "selection", "pictures", "time_window"),
        *("redaction", "spelling", "text_files"),
    },
    "log": {"errors"},
    "store": {"convert", "contracts", "tally", "redaction", "media"},
    "engine": {"store", "selection", "pictures", "waits", "spelling"},
    "report": {"engine"},
    "http": {"convert", "contracts", "time_window", "redaction", "waits"},
    "pictures": {"http", "store"},
    "services": {"pictures"},
    "plugin": {"hookspecs", "pictures", "tally", "spelling", "text_files"},
    "cli": {"report", "settings", "log", "services"},
}
"""What each room of the core may import; what those import, it may too."""

TOOLS = {"workbench", "testing.py"}
"""What brings verbs or runs under pytest: it uses the command line and the engine as they do."""
KITS = {"ztoq_testkit", "ztoq_demo"}
"""Packages for tests and the demo, which may look behind the door of the core."""


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a module imports, as far as they are ours."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.startswith("ztoq_"))


def room(name: str) -> str:
    """Return the room of the core that a module lies in: ``store`` for ``ztoq_core.store.x``."""
    return name.removeprefix("ztoq_core").removeprefix(".").partition(".")[0]


def reach(name: str) -> set[str]:
    found: set[str] = set()
    for each in BELOW[name]:
        found |= {each, *reach(each)}
    return found


def test_every_room_has_its_place() -> None:
    rooms = {path.stem for path in PACKAGES[0].iterdir() if path.suffix == ".py"}
    rooms |= {path.parent.name for path in PACKAGES[0].glob("*/__init__.py")}
    assert rooms - {"__init__", "__main__"} <= set(BELOW)


def test_the_imports_of_the_core_run_one_way() -> None:
    wrong = []
    for path in PACKAGES[0].rglob("*.py"):
        place = path.relative_to(PACKAGES[0]).with_suffix("").parts[0]
        if place in {"__init__", "__main__"}:
            continue
        allowed = {place, "", *reach(place)}
        wrong += [
            f"{path.relative_to(ROOT)} imports {name}"
            for name in imports(path)
            if not name.startswith("ztoq_core")
            or (room(name) in BELOW and room(name) not in allowed)
        ]
    assert not wrong


@pytest.mark.parametrize(
    "package", [each for each in PACKAGES[1:] if each.name not in KITS], ids=lambda path: path.name
)
def test_a_plugin_imports_the_core_only_by_its_door(package: Path) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in package.rglob("*.py")
        for name in imports(path)
        if not name.startswith((package.name, "ztoq_core.plugin")) and not TOOLS & set(path.parts)
    ]
    assert not wrong


def test_no_module_is_too_long() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := sum(map(bool, path.read_text("utf-8").splitlines()))) > MOST_LINES
    }
    assert not long


def test_except_exception_occurs_once() -> None:
    """Where a plugin is imported, and where it is called for a record."""
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = ast.unparse(node.type) if node.type else "everything"
            raises = any(isinstance(each, ast.Raise) and not each.exc for each in node.body)
            if caught in {"everything", "Exception"} or (caught == "BaseException" and not raises):
                found.append(f"{path.relative_to(ROOT)}: except {caught}")
    assert set(found) == {
        f"ztoq_core/{each}: except Exception" for each in ("engine/guard.py", "plugins.py")
    }


def test_only_the_facade_speaks_to_pluggy() -> None:
    found = {
        path.name
        for path in modules()
        if "import pluggy" in path.read_text("utf-8").partition('"""\n\n')[2]
    }
    assert found == {"hookspecs.py", "plugins.py"}


def test_only_the_store_speaks_sql() -> None:
    found = {
        path.parent.name
        for path in modules()
        if any(word in path.read_text("utf-8") for word in ("import peewee", "import playhouse"))
    }
    assert found <= {"store"}
