"""Folders get other names or places, or are left out with all that lies in them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_mappings.folders import FOLDERS, Options
from ztoq_mappings.folders.patterns import Pattern

from ztoq_core.plugin import (
    Attachment,
    ConfigError,
    Folder,
    Kind,
    Record,
    Ref,
    Schema,
    Skip,
    TestCase,
    TestCycle,
    Transform,
    TransformContext,
    Tree,
)

INNER = Ref(Kind.FOLDER, "ACME-F2")


def built(**options: Any) -> Transform:
    return FOLDERS.build(Options(**options), TransformContext(source=Schema()))


def folder(path: str, tree: Tree = Tree.CASES) -> Folder:
    *around, name = path.split("/")
    return Folder(key="ACME-F2", name=name, tree=tree, path=tuple(around), parent=INNER)


def case(path: str) -> TestCase:
    inside = tuple(path.split("/")) if path else ()
    return TestCase(key="ACME-T1", name="x", path=inside, folder=INNER if path else None)


def kept(record: Record, **options: Any) -> bool:
    try:
        built(**options)(record)
    except Skip as skip:
        return skip.loss  # it is none: somebody asked for it
    return True


# ---------------------------------------------------------------------------------------- choosing


@pytest.mark.parametrize(
    ("path", "stays"),
    [("A", True), ("A/B", False), ("A/B/C", False), ("B", True), ("X/B", True), ("", True)],
)
def test_an_excluded_folder_goes_with_all_that_lies_in_it(path: str, *, stays: bool) -> None:
    assert kept(case(path), exclude=("A/B",)) is stays
    if path:
        assert kept(folder(path), exclude=("/A/B/",)) is stays


@pytest.mark.parametrize(
    ("path", "folder_stays", "case_stays"),
    [
        ("A", True, False),
        ("A/B", True, True),
        ("A/B/C", True, True),
        ("A/D", False, False),
        ("B", False, False),
    ],
)
def test_what_is_not_included_goes_but_folders_around_stay(
    path: str, *, folder_stays: bool, case_stays: bool
) -> None:
    assert kept(folder(path), include=("A/B",)) is folder_stays
    assert kept(case(path), include=("A/B",)) is case_stays


@pytest.mark.parametrize(
    ("pattern", "path", "matches", "may"),
    [
        ("A*", "Abc/x", True, False),
        ("A*/x", "Abc", False, True),
        ("A/?", "A/b", True, True),
        ("A", "a", False, False),
        ("**/B", "B", True, True),
        ("**/B", "x/y/B/z", True, True),
        ("**/B", "x/y", False, True),
        ("A/**", "A", True, True),
        ("A/**/C", "A/x", False, True),
        ("A/**/C", "B", False, False),
        ("[ab]", "b", True, True),
        ("A/B", "A", False, True),
    ],
)
def test_patterns(pattern: str, path: str, *, matches: bool, may: bool) -> None:
    parts = tuple(path.split("/"))
    assert Pattern.of(pattern).matches(parts) is matches
    assert Pattern.of(pattern).may_match_in(parts) is may


def test_no_pattern_means_what_lies_in_no_folder() -> None:
    assert kept(case(""), include=("",))
    assert not kept(case("A"), include=("",))
    assert not kept(case(""), include=("A",))
    assert not kept(case(""), exclude=("",))


def test_only_the_chosen_trees_are_changed() -> None:
    cycle = TestCycle(key="ACME-R1", name="x", path=("A",), folder=INNER)
    assert kept(cycle, exclude=("A",), trees=(Tree.CASES,))
    assert not kept(cycle, exclude=("A",))
    assert kept(case("A"), exclude=("A",), trees=(Tree.CYCLES,))
    assert not kept(case("A"), exclude=("A",))
    assert kept(folder("A", Tree.CYCLES), exclude=("A",), trees=(Tree.CASES,))
    assert kept(folder("A", Tree.PLANS), exclude=("A",))
    file = Attachment(key="ACME-T1#1", name="x", owner=INNER, path=("A",))
    assert built(exclude=("A",))(file) is file


def test_cases_of_other_projects_and_stubs_have_places_of_their_own() -> None:
    for more in ({"project": "OTHER"}, {"gone": True}):
        other = attrs.evolve(case("A"), **more)
        assert built(exclude=("A",), depth=1)(other) is other


# ---------------------------------------------------------------------------------------- renaming


def test_a_folder_gets_another_name_where_it_stands() -> None:
    transform = built(rename={"A/B": "A/Checkout", "/Old/": "New"})
    renamed = transform(folder("A/B"))
    assert isinstance(renamed, Folder)
    assert (renamed.name, renamed.path, renamed.parent) == ("Checkout", ("A",), INNER)
    inside = transform(case("A/B/C"))
    assert inside == attrs.evolve(case("A/B/C"), path=("A", "Checkout", "C"))
    assert transform(case("A/x")) == case("A/x")
    assert transform(folder("Old")) == attrs.evolve(folder("Old"), name="New")


def test_folders_around_and_in_it_may_be_renamed_at_once() -> None:
    transform = built(rename={"A": "Z", "A/B": "Z/Y"})
    renamed = transform(folder("A/B"))
    assert isinstance(renamed, Folder)
    assert (renamed.name, renamed.path) == ("Y", ("Z",))
    assert transform(case("A/B/C")).path == ("Z", "Y", "C")
    assert transform(case("A/B/C")).companions == ()


# ------------------------------------------------------------------------------------------ moving


@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        ({"depth": 1}, "A/B/C", "A"),
        ({"depth": 9}, "A/B/C", "A/B/C"),
        ({"strip": "A/B"}, "A/B/C", "C"),
        ({"strip": "/A/"}, "A", ""),
        ({"strip": "A"}, "AB/C", "AB/C"),
        ({"rename": {"A/B": "X"}}, "A/B/C", "X/C"),
        ({"rename": {"A/B": "X/Y/Z"}}, "A/B", "X/Y/Z"),
        ({"rename": {"A/B": ""}}, "A/B/C", "C"),
        ({"rename": {"A": "Z", "A/B": "A/B"}}, "A/B", "A/B"),
        ({"rename": {"A": "C", "B": "C"}}, "B/x", "C/x"),
        ({"rename": {"A/B": "S/B"}, "strip": "S", "depth": 1}, "A/B/C", "B"),
        ({"rebuild": True}, "A/B", "A/B"),
    ],
)
def test_where_folders_move_the_tree_is_built_anew(
    options: dict[str, Any], before: str, after: str
) -> None:
    transform = built(**options)
    with pytest.raises(Skip, match="rebuilt"):
        transform(folder(before))
    moved = transform(case(before))
    assert isinstance(moved, TestCase)
    assert "/".join(moved.path) == after
    chain = [each for each in moved.companions if isinstance(each, Folder)]
    assert "/".join(each.name for each in chain) == after
    parents = [None, *(each.ref for each in chain)]
    assert [each.parent for each in chain] == parents[:-1]
    assert moved.folder == parents[-1]
    assert all(each.key.startswith("ACME-F-cases-") for each in chain)


def test_cycles_have_a_tree_of_their_own_in_the_project_of_the_config() -> None:
    cycle = TestCycle(key="ACME-R1", name="x", path=("A",), folder=INNER)
    case_folder, cycle_folder = (
        built(depth=1)(record).companions[0] for record in (case("A/B"), cycle)
    )
    assert isinstance(cycle_folder, Folder)
    assert cycle_folder.tree is Tree.CYCLES
    assert cycle_folder.key != case_folder.key

    class Config:
        project = "HOME"

    context = TransformContext(source=Schema(), source_config=Config())
    moved = FOLDERS.build(Options(depth=1), context)(cycle)
    assert moved.companions[0].key.startswith("HOME-F-cycles-")


PATHS = st.lists(st.sampled_from(["A", "B", "C/D", "\ud800", "x y"]), max_size=4).map(tuple)


@given(PATHS, PATHS, st.integers(1, 4))
def test_equal_paths_make_one_folder_and_others_another(
    one: tuple[str, ...], two: tuple[str, ...], depth: int
) -> None:
    transform = built(depth=depth)
    first, second = (transform(attrs.evolve(case(""), path=path)) for path in (one, two))
    assert isinstance(first, TestCase)
    assert isinstance(second, TestCase)
    assert (first.folder == second.folder) is (one[:depth] == two[:depth])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "depth = 0 is less than 1"),
        ({"trees": (Tree.PLANS,)}, "plans are not in folders"),
        ({"rename": {"": "X"}}, "rename has an empty path"),
        ({"rename": {"A": "X", "/A": "Y"}}, "a path twice"),
    ],
)
def test_options_that_cannot_be_used_are_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        built(**options)


# ----------------------------------------------------------------------------- what is not there

FOLDERS_THERE = frozenset(
    {(Tree.CASES, "Web"), (Tree.CASES, "Web/Pay"), (Tree.CYCLES, "Nightly"), (Tree.PLANS, "Old")}
)


@pytest.mark.parametrize(
    ("options", "level", "said"),
    [
        (
            {"rename": {"Web/Nope": "X"}},
            "warning",
            "rename: there is no folder 'Web/Nope'",
        ),
        ({"rename": {"/Web/Pya/": "X"}}, "error", "'Web/Pya' (did you mean 'Web/Pay'?)"),
        ({"rename": {"Old": "X"}}, "warning", "rename: there is no folder 'Old'"),
        ({"strip": "Wbe"}, "warning", "strip: there is no folder 'Wbe'"),
        ({"exclude": ["**/old *"]}, "warning", "exclude: '**/old *' matches no folder"),
        ({"include": ["Web", "Shop/**"]}, "warning", "include: 'Shop/**' matches no folder"),
    ],
)
def test_a_path_or_pattern_that_no_folder_has_is_said(
    options: dict[str, Any], level: str, said: str
) -> None:
    source = Schema(folders=FOLDERS_THERE)
    (found,) = FOLDERS.check(Options(**options), source, Schema())
    assert found.level == level
    assert said in found.text
    if level == "error":
        with pytest.raises(ConfigError, match="did you mean"):
            FOLDERS.build(Options(**options), TransformContext(source=source))
    else:
        FOLDERS.build(Options(**options), TransformContext(source=source))


def test_a_project_without_folders_has_none_to_rename() -> None:
    source = Schema(folders=frozenset())
    (found,) = FOLDERS.check(Options(rename={"Web": "X"}), source, Schema())
    assert found.text == "folders: rename: there is no folder 'Web'"


def test_what_folders_have_is_not_said() -> None:
    options = Options(
        rename={"Web/Pay": "Shop"}, strip="Web", exclude=("Night*", ""), include=("W?b/*",)
    )
    assert FOLDERS.check(options, Schema(folders=FOLDERS_THERE), Schema()) == ()
    assert FOLDERS.check(Options(rename={"X": "Y"}), Schema(), Schema()) == ()
