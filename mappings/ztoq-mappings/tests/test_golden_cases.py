"""Golden cases are read strictly, run through transformers, and compared line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from ztoq_mappings import testing as golden
from ztoq_mappings.workbench.golden import Case, built, differences, read_cases, rewrite, run

from ztoq_core.errors import ConfigError, MappingError
from ztoq_core.plugin import (
    FieldType,
    Folder,
    Record,
    Skip,
    TestCase,
    Transform,
    TransformContext,
    TransformerPlugin,
    Tree,
)

RECORD = {"key": "ACME-T1", "name": "Log in"}


def written(folder: Path, before: Any, after: Any = None, name: str = "one") -> Path:
    (folder / name).mkdir()
    (folder / name / "in.json").write_bytes(orjson.dumps(before))
    if after is not None:
        (folder / name / "out.json").write_bytes(orjson.dumps(after))
    return folder


def only(folder: Path) -> Case:
    (case,) = read_cases(folder)
    return case


@attrs.frozen(kw_only=True)
class Options:
    """What the transformer of these tests takes."""

    add: str = "!"
    file: Path | None = None


def louder(options: Options, _: TransformContext) -> Transform:
    def transform(record: Record) -> Record:
        assert isinstance(record, TestCase)
        match record.name:
            case "skip":
                raise Skip("not wanted")
            case "fail":
                raise MappingError("ACME-T1: no mapping")
        folder = Folder(key="ACME-F-x", name="X", tree=Tree.CASES)
        return attrs.evolve(record, name=record.name + options.add, companions=(folder,))

    return transform


LOUDER = TransformerPlugin(name="louder", summary="", config=Options, build=louder)


def test_a_case_is_read_with_all_that_the_transformer_may_know(tmp_path: Path) -> None:
    before = {
        "kind": "test_case",
        "record": RECORD,
        "fields": [{"kind": "test_case", "name": "Browser", "type": "choice"}],
        "users": [{"id": "1", "name": "Ada"}],
        "options": {"add": "?", "file": "people.csv"},
        "source": {"project": "ACME"},
        "sink": {"plans": "cycle"},
    }
    case = only(written(tmp_path, before))
    assert case.name == "one"
    assert case.record == TestCase(key="ACME-T1", name="Log in")
    assert case.context.source.fields[0].type is FieldType.CHOICE
    assert case.context.source.users[0].name == "Ada"
    assert getattr(case.context.source_config, "project", "") == "ACME"
    assert getattr(case.context.sink_config, "plans", "") == "cycle"
    assert case.expected is None
    seen: list[Options] = []

    def build(options: Options, context: TransformContext) -> Transform:
        seen.append(options)
        return louder(options, context)

    transform = built(case, attrs.evolve(LOUDER, build=build))
    assert seen == [Options(add="?", file=tmp_path / "one" / "people.csv")]
    assert run(case, [transform]) == {
        "kind": "test_case",
        "record": {"key": "ACME-T1", "name": "Log in?"},
        "companions": [
            {"kind": "folder", "record": {"key": "ACME-F-x", "name": "X", "tree": "cases"}}
        ],
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("skip", {"skip": "not wanted", "loss": False}),
        ("fail", {"error": "ACME-T1: no mapping"}),
    ],
)
def test_a_skip_and_a_failure_are_outcomes(
    tmp_path: Path, name: str, expected: dict[str, Any]
) -> None:
    case = only(written(tmp_path, {"kind": "test_case", "record": RECORD | {"name": name}}))
    assert run(case, [built(case, LOUDER)]) == expected


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ([], "expected an object"),
        ({"kind": "test_cse", "record": RECORD}, "unknown kind 'test_cse' (did you mean 'test_"),
        (
            {"kind": "test_case", "recordd": RECORD},
            "unknown key 'recordd' (did you mean 'record'?)",
        ),
        ({"kind": "test_case"}, "@ record"),
        ({"kind": "test_case", "record": {"key": "A"}}, "missing key 'name' @ record.name"),
        (
            {"kind": "test_case", "record": RECORD | {"labelss": ["a"]}},
            "unknown key 'labelss' (did you mean 'labels'?) @ record",
        ),
        (
            {"kind": "test_case", "record": RECORD | {"steps": [{"key": "1", "descriptionn": ""}]}},
            "unknown key 'descriptionn' (did you mean 'description'?) @ record.steps[0]",
        ),
        ({"kind": "test_case", "record": RECORD, "options": 1}, "expected an object @ options"),
        (
            {"kind": "test_case", "record": RECORD, "fields": [{"kind": "test_case", "name": "x"}]},
            "missing key 'type' @ fields[0].type",
        ),
    ],
)
def test_a_case_that_cannot_be_read_names_file_and_path(
    tmp_path: Path, before: Any, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_cases(written(tmp_path, before))
    assert message in str(caught.value)
    assert str(tmp_path / "one" / "in.json") in str(caught.value)


def test_a_file_that_is_no_json_and_an_empty_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no golden cases"):
        read_cases(tmp_path)
    written(tmp_path, {})
    (tmp_path / "one" / "in.json").write_text("{")
    with pytest.raises(ConfigError, match=r"in\.json is not valid JSON"):
        read_cases(tmp_path)
    (tmp_path / "one" / "in.json").unlink()
    (tmp_path / "one" / "in.json").mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        read_cases(tmp_path)


def test_misspelt_options_name_the_nearest(tmp_path: Path) -> None:
    before = {"kind": "test_case", "record": RECORD, "options": {"ad": "?"}}
    case = only(written(tmp_path, before))
    with pytest.raises(ConfigError, match=r"in\.json: unknown key 'ad' \(did you mean 'add'\?\)"):
        built(case, LOUDER)


def test_each_difference_has_a_line_with_its_path() -> None:
    expected = {"record": {"name": "a", "labels": ["x", "y"], "gone": 1, "flag": True}, "same": 0}
    found = {"record": {"name": "b", "labels": ["x"], "new": 2, "flag": 1}, "same": 0}
    assert differences(expected, found) == (
        "$.record.name: expected 'a', got 'b'",
        "$.record.labels[1]: expected 'y', got nothing",
        "$.record.gone: expected 1, got nothing",
        "$.record.flag: expected True, got 1",
        "$.record.new: expected nothing, got 2",
    )
    assert differences({"a": []}, {"a": [1]}) == ("$.a[0]: expected nothing, got 1",)
    assert differences(found, found) == ()
    many = {"a": [0] * 25}
    assert differences(many, {"a": [1] * 25})[-1] == "and 5 more"
    assert differences(None, many) == ("there is no out.json yet",)


def test_the_runner_fails_until_the_golden_file_is_written(tmp_path: Path) -> None:
    folder = written(tmp_path, {"kind": "test_case", "record": RECORD | {"name": "fail"}})
    with pytest.raises(AssertionError, match=r"there is no out\.json yet"):
        golden.check(only(folder), LOUDER)
    golden.check(only(folder), LOUDER, update=True)
    golden.check(only(folder), LOUDER)
    rewrite(only(folder), {"error": "another"})
    with pytest.raises(AssertionError, match=r"\$\.error: expected 'another', got 'ACME-T1: no"):
        golden.check(only(folder), LOUDER)
    assert [path.name for path in (folder / "one").iterdir() if path.name[0] == "."] == []


def test_the_runner_holds_a_transformer_to_its_promises(tmp_path: Path) -> None:
    case = only(written(tmp_path, {"kind": "test_case", "record": RECORD}))

    def plugin(transform: Transform) -> TransformerPlugin[Options]:
        return attrs.evolve(LOUDER, build=lambda _options, _scene: transform)

    with pytest.raises(AssertionError, match="changed kind or key"):
        golden.check(case, plugin(lambda record: attrs.evolve(record, key="ACME-T2")))
    names = iter("abcdef")
    with pytest.raises(AssertionError, match="something else the second time"):
        golden.check(case, plugin(lambda record: attrs.evolve(record, path=(next(names),))))
    folder = Folder(key="ACME-F-x", name="X", tree=Tree.CASES)
    with pytest.raises(AssertionError, match="changes folder ACME-F-x, which it brings"):
        golden.check(
            case,
            plugin(
                lambda record: attrs.evolve(record, path=(*record.path, "x"), companions=(folder,))
            ),
        )
