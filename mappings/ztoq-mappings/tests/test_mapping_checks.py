"""Holds mapping files against schemas; what ``suggest`` writes loads and checks without errors."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import attrs
import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ztoq_mappings.fields import FIELDS, FieldsOptions
from ztoq_mappings.fields.parse import parse
from ztoq_mappings.fields.schema_checks import FITTING
from ztoq_mappings.fields.sections import Section

from ztoq_core.plugin import ConfigError, FieldSpec, FieldType, Kind, Schema, TransformContext

CASE = Kind.TEST_CASE
T = FieldType


def source(*fields: FieldSpec) -> Schema:
    return Schema(fields=fields)


def field(
    name: str, kind_of: FieldType = T.TEXT, values: tuple[str, ...] = (), kind: Kind = CASE
) -> FieldSpec:
    return FieldSpec(
        kind=kind, name=name, type=kind_of, values=values, origin="inferred from 3545 values"
    )


def findings(tmp_path: Path, text: str, source: Schema, sink: Schema) -> list[tuple[str, str]]:
    file = tmp_path / "m.toml"
    file.write_text(f"format = 1\n{text}", encoding="utf-8")
    return [
        (each.level, each.text) for each in FIELDS.check(FieldsOptions(mapping=file), source, sink)
    ]


RULE = '[[test_case.field]]\nfrom = "Browser"\nto = "Test browser"\n'
BROWSER = field("Browser", T.CHOICE, ("Chrome", "Firefox", "Opera"))
TARGET = field("Test browser", T.CHOICE, ("Chrome", "Firefox"))
SINK = Schema(fields=(TARGET,))


def test_a_condition_that_never_holds_is_named_with_its_line(tmp_path: Path) -> None:
    text = """[test_case]
skip_when = { field = "Done", at_least = 3 }
[[test_case.field]]
from = "Browser"
to = "Test browser"
when = [{ field = "Browser", below = 3 }, { field = "Effort", below = "2026-01-01" }]
"""
    fields = (field("Done", T.CHECKBOX), BROWSER, field("Effort", T.NUMBER))
    found = findings(tmp_path, text, source(*fields), SINK)
    assert [said for level, said in found if level == "warning" and "never" in said] == [
        "m.toml:3: test_case.skip_when: 'Done' is a checkbox, never a number: it never holds",
        "m.toml:7: test_case.field 'Browser': 'Effort' is a number, never a date: it never holds",
    ]


def test_a_label_that_is_added_takes_the_source_s_own_field_along(tmp_path: Path) -> None:
    rule = '[[test_case.field]]\nconstant = "new"\nto = "Browser"\ntype = "multi_choice"\n'
    sink = Schema(fields=(field("Browser", T.MULTI_CHOICE, ("Chrome", "new")),))
    found = [
        said for level, said in findings(tmp_path, rule, source(BROWSER), sink) if level == "error"
    ]
    own = "the source's own field 'Browser' goes to 'Browser' too; map it elsewhere or leave it out"
    assert found == [f"m.toml:4: test_case.field 'Browser': {own}"]
    assert findings(tmp_path, f"{rule}add = true", source(BROWSER), sink) == []


def test_a_file_that_fits_both_sides_has_no_findings_but_what_stays(tmp_path: Path) -> None:
    text = f'{RULE}values = {{ "Opera" = "Firefox" }}\notherwise = "keep"'
    browser = attrs.evolve(BROWSER, values=("Chrome", "Opera"))
    said = "value 'Chrome' has no mapping; it stays as it is"
    assert findings(tmp_path, text, source(browser), SINK) == [
        ("info", f"m.toml:5: test_case.field 'Browser': {said}")
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[[test_case.field]]\nfrom = "Brwoser"\nto = "Test browser"', 3),
        ('[[test_case.field]]\ntemplate = "{Brwoser}"\nto = "Test browser"', 3),
        (
            '[[test_case.field]]\nconstant = "a"\nto = "b"\nwhen = { field = "Brwoser", is = 1 }',
            5,
        ),
        ('[test_case]\nleave_out = ["Brwoser"]', 3),
        ('[types.test_case]\n"Brwoser" = "text"', 3),
    ],
)
def test_a_misspelt_field_is_an_error_of_check_and_run(
    tmp_path: Path, text: str, line: int
) -> None:
    found = findings(tmp_path, text, source(BROWSER), SINK)
    ((level, said),) = [each for each in found if "no test case has a field" in each[1]]
    assert level == "error"
    assert said.startswith(f"m.toml:{line}: ")
    assert said.endswith("no test case has a field 'Brwoser' (did you mean 'Browser'?)")
    with pytest.raises(ConfigError) as caught:
        FIELDS.build(
            FieldsOptions(mapping=tmp_path / "m.toml"), TransformContext(source=source(BROWSER))
        )
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "beside",
    [
        'constant = "a"\nto = "b"\nwhen = { field = "Brwoser", is = 1 }',
        'template = "a {Brwoser}"\nto = "b"',
        'from = "Brwoser"\nto = "b"',
    ],
)
def test_a_misspelt_field_is_an_error_beside_a_rule_that_spells_it_well(
    tmp_path: Path, beside: str
) -> None:
    text = f"{RULE}[[test_case.field]]\n{beside}"
    levels = dict(findings(tmp_path, text, source(BROWSER), SINK))
    assert "no test case has a field 'Brwoser' (did you mean 'Browser'?)" in levels["error"]
    with pytest.raises(ConfigError, match=r"^m\.toml:\d+: .*\(did you mean 'Browser'\?\)$"):
        FIELDS.build(
            FieldsOptions(mapping=tmp_path / "m.toml"), TransformContext(source=source(BROWSER))
        )


STEPS = Schema(
    fields=(field("Level"),), step_fields=(field("Risk", T.CHOICE, ("High", "Low")), field("Note"))
)
STEP_SINK = Schema(
    fields=(field("Screen"),),
    step_fields=(field("Risk", T.CHOICE, ("High",)),),
    can_create_fields=True,
)


@pytest.mark.parametrize(
    ("text", "level", "line", "said"),
    [
        ('from = "Rsik"\nto = "x"', "error", 3, "no test step has a field 'Rsik' (did you mean"),
        ('from = "Level"\nto = "x"', "warning", 3, "no test step has a field 'Level'"),
        ('from = "Note"\nto = "Screen"', "warning", 4, "'Screen'; its values become readable text"),
        ('from = "Note"\nto = "Riks"', "warning", 4, "no field 'Riks' (did you mean 'Risk'?)"),
        ('from = "Risk"\nto = "Risk"', "warning", 2, "does not allow 'Low' (known: High)"),
        ('from = "Note"\nto = "Risk"\ntype = "datetime"', "warning", 5, "does not fit"),
    ],
)
def test_rules_for_steps_are_held_against_fields_of_steps(
    tmp_path: Path, text: str, level: str, line: int, said: str
) -> None:
    found = findings(tmp_path, f"[[test_step.field]]\n{text}", STEPS, STEP_SINK)
    assert [
        each
        for each in found
        if each[0] == level and each[1].startswith(f"m.toml:{line}: ") and said in each[1]
    ], found


def test_a_suggestion_pairs_fields_of_steps_with_those_of_the_target() -> None:
    text = suggested(STEPS, STEP_SINK)
    steps = text.partition("test step\n")[2]
    assert '# exact: both sides have it\n[[test_step.field]]\nfrom = "Risk"' in steps
    assert "# unmapped: the target has no field like it\n# [[test_step.field]]" in steps
    assert '"Low" = "Low"  # the target does not allow it; its values become readable' in steps


def test_a_field_that_only_another_project_has_is_a_warning(tmp_path: Path) -> None:
    text = '[[test_case.field]]\nfrom = "Regulation"\nto = "Test browser"\ntype = "choice"'
    found = findings(tmp_path, text, source(BROWSER), SINK)
    said = "no test case has a field 'Regulation' (known: Browser)"
    assert ("warning", f"m.toml:3: test_case.field 'Regulation': {said}") in found
    both = source(field("Tag 1"))
    twice = "".join(
        f'[[test_case.field]]\nfrom = "{each}"\nto = "{each}"\n' for each in ("Tag 1", "Tag 2")
    )
    assert "error" not in dict(findings(tmp_path, twice, both, Schema()))
    FIELDS.build(FieldsOptions(mapping=tmp_path / "m.toml"), TransformContext(source=both))


def test_a_field_of_the_sources_own_is_no_custom_field(tmp_path: Path) -> None:
    text = '[[test_case.field]]\nfrom = "Priority"\nto = "Test browser"\ntype = "choice"'
    own = attrs.evolve(field("Priority"), system=True)
    found = findings(tmp_path, text, source(BROWSER, own), SINK)
    said = "no test case has a field 'Priority' (known: Browser)"
    assert ("warning", f"m.toml:3: test_case.field 'Priority': {said}") in found
    assert findings(tmp_path, text, source(own), SINK) == [], "nobody knows before an extract"


def test_a_label_is_not_made_in_a_field_of_the_targets_own(tmp_path: Path) -> None:
    sink = Schema(fields=(attrs.evolve(TARGET, system=True),), can_create_fields=True)
    ((level, said),) = findings(tmp_path, RULE, source(BROWSER), sink)
    assert level == "warning"
    assert "does not allow 'Opera'" in said
    assert said.endswith("its values become readable text")


def test_before_an_extract_nobody_knows_the_fields(tmp_path: Path) -> None:
    assert findings(tmp_path, RULE, Schema(), SINK) == []


@pytest.mark.parametrize(
    ("sink", "expected"),
    [
        (Schema(), ("warning", "has no field 'Test browser'; its values become readable text")),
        (Schema(can_create_fields=True), ("info", "no field 'Test browser'; it will be made")),
        (
            Schema(fields=(field("Test browsers"),), can_create_fields=True),
            ("warning", "no field 'Test browser' (did you mean 'Test browsers'?); it will be made"),
        ),
    ],
)
def test_a_target_field_that_is_not_there(
    tmp_path: Path, sink: Schema, expected: tuple[str, str]
) -> None:
    ((level, said),) = findings(tmp_path, RULE, source(BROWSER), sink)
    assert (level, expected[1] in said) == (expected[0], True)


def test_fields_that_cannot_be_listed_are_not_missed(tmp_path: Path) -> None:
    assert findings(tmp_path, RULE, source(BROWSER), Schema(fields_known=False)) == []


def test_a_property_is_no_field_of_the_target(tmp_path: Path) -> None:
    text = '[[test_case.field]]\nfrom = "Browser"\nto = "@name"'
    assert findings(tmp_path, text, source(BROWSER), SINK) == []


def test_a_type_that_does_not_fit_is_a_warning(tmp_path: Path) -> None:
    text = f'{RULE}type = "multi_choice"'
    ((level, said),) = findings(tmp_path, text, source(BROWSER), SINK)
    assert level == "warning"
    assert "m.toml:5: " in said
    assert "a multi_choice does not fit the target's field 'Test browser', a choice" in said


@pytest.mark.parametrize(
    ("given", "rule", "said"),
    [
        (BROWSER, "", "none of the labels of 'Browser' is a number; its records will fail"),
        (BROWSER, 'otherwise = "drop"', "is a number; its values are dropped"),
        (BROWSER, 'otherwise = "keep"', "; it goes its usual way, and this rule does nothing"),
        (BROWSER, 'values = { Opera = 1 }\notherwise = "keep"', "none of the labels of 'Browser'"),
        (BROWSER, "otherwise = { value = 0 }", "another value replaces each of them"),
        (field("Browser", T.DATE), "", "the source's field 'Browser' is a date, never a number"),
        (attrs.evolve(BROWSER, values=("1", "two")), "", ""),
        (attrs.evolve(BROWSER, values=()), "", ""),
        (BROWSER, 'decimal = ","', ""),
        (BROWSER, "extract = '\\d'\notherwise = 'keep'", ""),
        (field("Browser", T.DATE), 'values = { x = 1 }\notherwise = "keep"', ""),
        (field("Browser", T.NUMBER), "", ""),
        (field("Browser"), "", ""),
        (field("Other"), "", ""),
    ],
)
def test_a_type_that_no_value_of_the_source_can_have_is_a_warning(
    tmp_path: Path, given: FieldSpec, rule: str, said: str
) -> None:
    sink = Schema(fields=(field("Test browser", T.NUMBER),))
    found = findings(tmp_path, f'{RULE}type = "number"\n{rule}', source(given), sink)
    unfit = [text for level, text in found if level == "warning" and "m.toml:5: " in text]
    assert len(unfit) == bool(said)
    assert all(said in text for text in unfit)


def test_every_type_has_types_that_take_it() -> None:
    assert set(FITTING) == set(FieldType)
    assert [kind for kind, fitting in FITTING.items() if kind not in fitting] == []


def test_a_value_that_would_fail_is_an_error(tmp_path: Path) -> None:
    text = f'{RULE}otherwise = "fail"\nvalues = {{ chrome = "Chrome", "Firefox" = "Firefox" }}'
    ((level, said),) = findings(tmp_path, text, source(BROWSER), SINK)
    assert level == "error"
    assert said.endswith("value 'Opera' has no mapping; its records will fail")


@pytest.mark.parametrize(
    ("otherwise", "level", "will"),
    [
        ('"drop"', "warning", "it is dropped"),
        ('{ value = "Chrome" }', "info", "it becomes 'Chrome'"),
    ],
)
def test_other_values_without_a_mapping(
    tmp_path: Path, otherwise: str, level: str, will: str
) -> None:
    text = f'{RULE}otherwise = {otherwise}\nvalues = {{ chrome = "Chrome", firefox = "Firefox" }}'
    (found,) = findings(tmp_path, text, source(BROWSER), SINK)
    assert found[0] == level
    assert found[1].endswith(f"value 'Opera' has no mapping; {will}")


@pytest.mark.parametrize(
    ("rule", "label"),
    [
        ("", "Opera"),
        ('values = { Opera = ["Edge"] }\notherwise = "keep"', "Edge"),
        ('if_empty = "None"\nvalues = { Opera = "" }\notherwise = "keep"', "None"),
        ('if_empty = ["None"]\nvalues = { Opera = "" }\notherwise = "keep"', "None"),
        ('values = { Opera = "" }\notherwise = { value = "Other" }', "Other"),
    ],
)
def test_a_value_that_the_target_does_not_allow(tmp_path: Path, rule: str, label: str) -> None:
    found = findings(tmp_path, RULE + rule, source(BROWSER), SINK)
    (said,) = [text for level, text in found if level == "warning"]
    assert f"'Test browser' does not allow '{label}'" in said
    made = findings(
        tmp_path, RULE + rule, source(BROWSER), attrs.evolve(SINK, can_create_fields=True)
    )
    assert [text for level, text in made if level == "warning"] == []
    assert [text for _, text in made if text.endswith(f"allow '{label}'; it will be made")]


def test_values_that_a_rule_takes_apart_cannot_be_told(tmp_path: Path) -> None:
    text = f'{RULE}type = "choice"\nextract = "(.)"\notherwise = "keep"'
    assert findings(tmp_path, text, source(BROWSER), SINK) == []


def test_values_that_would_be_cut(tmp_path: Path) -> None:
    text = f'{RULE}type = "text"\nmax_length = 6\nvalues = {{ Opera = "O" }}\notherwise = "drop"'
    sink = Schema(fields=(field("Test browser"),))
    found = findings(tmp_path, text.replace('"drop"', '"keep"'), source(BROWSER), sink)
    assert [said for level, said in found if level == "warning" and "never" in said] == []
    text = f'{RULE}type = "text"\nmax_length = 6'
    ((level, said),) = findings(tmp_path, text, source(BROWSER), sink)
    assert level == "warning"
    assert said.endswith("value 'Firefox' will be cut at 6 characters")


def test_values_that_are_too_long_for_the_target(tmp_path: Path) -> None:
    sink = Schema(fields=(attrs.evolve(field("Test browser"), max_length=6),))
    ((level, said),) = findings(tmp_path, f'{RULE}type = "text"', source(BROWSER), sink)
    assert level == "warning"
    assert said.endswith("the target takes 6 characters, 'Firefox' has more")


def test_a_field_of_the_source_that_goes_to_the_same_label_is_an_error(tmp_path: Path) -> None:
    both = source(BROWSER, field(" test Browser"))
    errors = [text for level, text in findings(tmp_path, RULE, both, Schema()) if level == "error"]
    (said,) = errors
    assert "m.toml:4: " in said
    assert "the source's own field ' test Browser' goes to 'Test browser' too" in said
    text = '[test_case]\nleave_out = " test Browser"\n' + RULE
    assert "error" not in dict(findings(tmp_path, text, both, Schema()))
    kept = '[[test_case.field]]\nfrom = "Browser"\nto = "Browser"\nkeep_source = true'
    assert "error" in dict(findings(tmp_path, kept, source(BROWSER), Schema()))


def test_required_fields_that_nothing_fills(tmp_path: Path) -> None:
    required = [
        attrs.evolve(field(name), required=True)
        for name in ("Level", "Test browser", "browser", "Kept")
    ]
    own = attrs.evolve(field("Own"), required=True, system=True)
    filled = attrs.evolve(field("Filled"), required=True, default=True)
    run = attrs.evolve(field("Build", kind=Kind.TEST_RUN), required=True)
    sink = Schema(fields=(*required, own, filled, run), field_owner={Kind.TEST_LOG: Kind.TEST_RUN})
    found = findings(tmp_path, RULE, source(BROWSER, field("kept")), sink)
    said = [text.partition(": ")[2] for _, text in found if "is required" in text]
    assert said == [
        f"the target's field {name!r} is required, and nothing fills it"
        for name in ("Level", "browser", "Build")
    ]


# ---------------------------------------------------------------------------------------- suggest


def suggested(source: Schema, sink: Schema) -> str:
    assert FIELDS.suggest is not None
    found = FIELDS.suggest(source, sink)
    assert found == FIELDS.suggest(source, sink)
    fields = (*source.fields, *source.step_fields)
    assert found.exact + found.close + found.unmapped <= len(fields)
    for word in ("exact", "close", "unmapped"):
        assert getattr(found, word) == len(re.findall(rf"^# {word}: ", found.text, re.MULTILINE))
    return found.text


def block(text: str, name: str) -> list[str]:
    """Return the lines of the rule for a field, with the reason above."""
    (found,) = [each for each in text.split("\n\n") if f'from = "{name}"' in each]
    return found.splitlines()


def test_an_exact_match() -> None:
    text = suggested(source(BROWSER), Schema(fields=(BROWSER,)))
    assert block(text, "Browser") == [
        "# exact: both sides have it",
        "[[test_case.field]]",
        'from = "Browser"  # choice, inferred from 3545 values',
        'to = "Browser"',
        'type = "choice"',
        'otherwise = "keep"',
    ]


def test_close_matches() -> None:
    text = suggested(
        source(field("test_sites"), field("Regulations"), field("Odd")),
        Schema(fields=(field("Test sites"), field("Regulation"), field("Even"))),
    )
    assert block(text, "test_sites")[0] == "# close: but for case and punctuation the same"
    assert block(text, "test_sites")[3] == 'to = "Test sites"'
    assert block(text, "Regulations")[0] == "# close: the names are alike; is it the same?"
    assert block(text, "Odd")[:2] == [
        "# unmapped: the target has no field like it",
        "# [[test_case.field]]",
    ]


def test_a_target_is_taken_once_by_the_most_alike() -> None:
    text = suggested(source(field("Browser"), field("browser")), Schema(fields=(field("Browser"),)))
    assert block(text, "Browser")[0] == "# exact: both sides have it"
    assert block(text, "browser")[0] == "# unmapped: another field goes to 'browser' already"
    assert block(text, "browser")[3] == 'to = "browser (source)"'
    three = source(field("Browser"), field("browser "), field("BROWSER"))
    text = suggested(three, Schema(fields=(field("Browser"),)))
    assert 'to = "browser (source 2)"' in text


def test_labels_that_differ_get_a_table() -> None:
    choice = field("Browser", T.CHOICE, ("Chrome", "fire fox", "Operaa", "Lynx", ""))
    allowed = field("Browser", T.CHOICE, ("Chrome", "Firefox", "Opera"))
    text = suggested(source(choice), Schema(fields=(allowed,)))
    assert text.endswith(
        "[test_case.field.values]\n"
        '"Chrome" = "Chrome"\n'
        '"fire fox" = "Firefox"\n'
        '"Operaa" = "Opera"  # alike; is it the same?\n'
        '# "Lynx" = "Lynx"  # the target does not allow it; its values become readable text\n'
    )
    none = suggested(source(attrs.evolve(choice, values=("Lynx",))), Schema(fields=(allowed,)))
    assert '# [test_case.field.values]\n# "Lynx"' in none


@pytest.mark.parametrize(
    ("given", "target", "usable", "written"),
    [
        (T.CHOICE, T.TEXT, True, "text"),
        (T.TEXT, T.RICH_TEXT, True, "rich_text"),
        (T.NUMBER, T.TEXT, True, "number"),
        (T.USER, T.USER, True, "user"),
        (T.USER, T.TEXT, True, "text"),
        (T.DATE, T.NUMBER, False, "date"),
        (T.MULTI_CHOICE, T.CHOICE, False, "multi_choice"),
    ],
)
def test_the_type_of_a_suggested_rule(
    given: FieldType, target: FieldType, *, usable: bool, written: str
) -> None:
    text = suggested(source(field("A", given)), Schema(fields=(field("A", target),)))
    lines = block(text, "A")
    assert lines[1] == ("" if usable else "# ") + "[[test_case.field]]"
    assert f'{"" if usable else "# "}type = "{written}"' in lines
    assert ('person = "email"' in lines) is (written == "user")
    assert lines[0].endswith("have it" if usable else f"but the target's is a {target.value}")


def test_a_field_of_the_targets_own_is_left_to_the_default_mapping() -> None:
    own = attrs.evolve(field("Status"), system=True)
    lines = block(suggested(source(field("Status")), Schema(fields=(own,))), "Status")
    assert lines[0].endswith("but the target's is a field of its own, not a custom one")
    assert lines[1] == "# [[test_case.field]]"


def test_required_fields_are_shown_as_comments() -> None:
    required = attrs.evolve(field("Level", T.CHOICE), required=True)
    text = suggested(source(field("A")), Schema(fields=(required,)))
    assert '# to = "Level"\n# type = "choice"\n# constant = …' in text


def test_what_the_target_can_make_or_not_list_is_said() -> None:
    one = source(field("A"))
    assert "(it can be made)" in suggested(one, Schema(can_create_fields=True))
    assert "fields cannot be listed" in suggested(one, Schema(fields_known=False))
    assert "extract first" in suggested(Schema(), Schema())


NAMES = st.one_of(
    st.sampled_from(["Browser", "browser", "Test sites", "@x", "é\n", '"\\', "x" * 130, "", " "]),
    st.text(max_size=5),
)
SPECS = st.lists(
    st.builds(
        FieldSpec,
        kind=st.sampled_from([Kind(each) for each in Section if each is not Section.TEST_STEP]),
        name=NAMES,
        type=st.sampled_from(FieldType),
        values=st.lists(NAMES, max_size=3).map(tuple),
        required=st.booleans(),
        system=st.booleans(),
        origin=st.sampled_from(["declared", "inferred\nfrom 1 values"]),
    ),
    max_size=6,
).map(lambda specs: tuple({(each.kind, each.name): each for each in specs}.values()))
VALIDATOR = jsonschema.Draft7Validator(
    orjson.loads(files("ztoq_mappings.fields").joinpath("mapping.schema.json").read_bytes())
)


@settings(deadline=None)
@given(given=SPECS, targets=SPECS, can_create=st.booleans())
def test_any_suggestion_loads_and_checks_without_errors(
    tmp_path_factory: pytest.TempPathFactory,
    given: tuple[FieldSpec, ...],
    targets: tuple[FieldSpec, ...],
    *,
    can_create: bool,
) -> None:
    one, other = (
        Schema(
            fields=specs,
            step_fields=tuple(each for each in specs if each.kind is Kind.TEST_CASE),
            can_create_fields=can_create,
            field_owner={Kind.TEST_LOG: Kind.TEST_RUN},
        )
        for specs in (given, targets)
    )
    text = suggested(one, other)
    parse(text, "suggested.toml")
    VALIDATOR.validate(tomllib.loads(text))
    file = tmp_path_factory.mktemp("suggested") / "m.toml"
    file.write_text(text, encoding="utf-8")
    found = FIELDS.check(FieldsOptions(mapping=file), one, other)
    assert [each.text for each in found if each.level == "error"] == []
    FIELDS.build(FieldsOptions(mapping=file), TransformContext(source=one))
