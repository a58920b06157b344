"""Every reason for a note is declared once, with its group, and has a row in docs/mapping.md.

After a change on purpose: ``python -m tests.repository.test_note_codes`` writes the rows anew.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import ztoq_files.note_codes
import ztoq_mappings.note_codes
import ztoq_qtest.note_codes
import ztoq_zephyr.note_codes

import ztoq_core.note_codes
from ztoq_core.plugins import Plugins
from ztoq_core.records import Level, LossGroup, NoteCode

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mapping.md"
DECLARED: Mapping[str, tuple[NoteCode, ...]] = {
    "ztoq_core": ztoq_core.note_codes.NOTE_CODES,
    "ztoq_zephyr": ztoq_zephyr.note_codes.NOTE_CODES,
    "ztoq_qtest": ztoq_qtest.note_codes.NOTE_CODES,
    "ztoq_files": ztoq_files.note_codes.NOTE_CODES,
    "ztoq_mappings": ztoq_mappings.note_codes.NOTE_CODES,
}
PACKAGES = (
    ROOT / "ztoq_core",
    *sorted(ROOT.glob("plugins/*/ztoq_*")),
    *sorted(ROOT.glob("mappings/*/ztoq_*")),
    *sorted(ROOT.glob("examples/*/")),
)
HEADINGS = {
    LossGroup.LOST: "It is not in the target:",
    LossGroup.CHANGED: "It is in the target in another form:",
    LossGroup.MOVED: "It is in the target in another place:",
    LossGroup.REMARK: "Remarks; nothing is missing:",
}


@cache
def callers() -> Mapping[str, set[Path]]:
    """Return the modules that call something, by its name without what it is an attribute of."""
    found: dict[str, set[Path]] = {}
    for path in (path for package in PACKAGES for path in package.rglob("*.py")):
        if "tests" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                found.setdefault(called, set()).add(path)
    return found


def test_every_note_is_made_from_a_declared_reason() -> None:
    made = {str(path.relative_to(ROOT)) for path in callers()["Note"]}
    assert made == {"ztoq_core/records/vocabulary.py"}


def test_reasons_are_declared_in_one_module_of_each_distribution_and_all_of_them() -> None:
    # but for what nobody declared
    declaring = callers()["NoteCode"] - {ROOT / "ztoq_core" / "losses.py"}
    assert {path.name for path in declaring} == {"note_codes.py"}
    for path in declaring:
        package = path.parent.name
        module = import_module(f"{package}.note_codes")
        there = {each for each in vars(module).values() if isinstance(each, NoteCode)}
        assert there == set(DECLARED[package]), package
        assert len({each.name for each in there}) == len(there) == len(DECLARED[package])


def test_what_the_plugins_declare_is_what_they_make_notes_for() -> None:
    plugins = Plugins.installed()
    assert plugins.source("zephyr").note_codes == DECLARED["ztoq_zephyr"]
    assert plugins.sink("qtest").note_codes == DECLARED["ztoq_qtest"]
    assert plugins.sink("table").note_codes == DECLARED["ztoq_files"]
    for name in ("to-qtest", "fields", "values", "text", "users"):
        assert plugins.transformer(name).note_codes == DECLARED["ztoq_mappings"], name


def test_a_name_means_the_same_group_whoever_notes_it() -> None:
    groups: dict[str, set[LossGroup]] = {}
    for codes in DECLARED.values():
        for each in codes:
            groups.setdefault(each.name, set()).add(each.group)
            assert re.fullmatch("[a-z]+(-[a-z]+)*", each.name)
    assert [name for name, found in groups.items() if len(found) > 1] == []
    assert not groups.keys() & set(LossGroup), "a group has the name of a reason"


def rows() -> str:
    parts = []
    for group, heading in HEADINGS.items():
        default = group is not LossGroup.REMARK
        parts += ["", heading, ""]
        parts.append(f"| reason |{' unless set |' if default else ''} what | noted by |")
        parts.append(f"|---|{'---|' if default else ''}---|---|")
        for package, codes in DECLARED.items():
            for each in codes:
                if each.group is group:
                    action = "fail" if each.level is Level.LOSS else "warn"
                    parts.append(
                        f"| `{each.name}` |{f' {action} |' if default else ''} {each.meaning} | "
                        f"{package.removeprefix('ztoq_').replace('core', 'ztoq')} |"
                    )
    return "\n".join(parts) + "\n"


def written(page: str) -> str:
    """Return the page with the rows that the declarations give."""
    start, end = "<!-- reasons -->\n", "<!-- end of reasons -->\n"
    before, _, rest = page.partition(start)
    return f"{before}{start}{rows()}\n{end}{rest.partition(end)[2]}"


def test_the_page_has_a_row_for_each_reason_and_no_other() -> None:
    page = PAGE.read_text("utf-8")
    assert page == written(page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
