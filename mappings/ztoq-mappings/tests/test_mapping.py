from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from ztoq_mappings import markup, ztoq_transformers
from ztoq_mappings.to_qtest import TO_QTEST, Options
from ztoq_mappings.to_qtest.name_tables import name_tables

from ztoq_core.plugin import (
    Attachment,
    ConfigError,
    FieldSpec,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Ref,
    Schema,
    Script,
    Skip,
    StepResult,
    TestCase,
    TestLog,
    TestRun,
    TestStep,
    Transform,
    TransformContext,
    Tree,
)

RUN = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/")
CASE = Ref(Kind.TEST_CASE, "ACME-T1")
ENDED = datetime(2024, 3, 1, tzinfo=UTC)


def log(**more: Any) -> TestLog:
    return attrs.evolve(TestLog(key="ACME-E1", run=RUN, case=CASE, status="Pass"), **more)


def test_ztoq_transformers_declares_the_default_mapping() -> None:
    assert TO_QTEST in ztoq_transformers()
    assert TO_QTEST.default_for == (("*", "qtest"),)
    assert TO_QTEST.config is Options


@pytest.mark.parametrize(
    ("name", "expected", "by_rule"),
    [
        ("Pass", ("Pass", "Passed"), False),
        (" pass ", (" pass ", "Passed"), False),
        ("Passed", ("Passed",), False),
        ("", ("Unexecuted",), False),
        ("In Progress", ("In Progress", "Incomplete"), False),
        ("Passed with remarks", ("Passed with remarks", "Passed"), True),
        ("Pass with defects", ("Pass with defects", "Passed"), True),
        ("Not passed", ("Not passed", "Failed"), True),
        ("FAILED!", ("FAILED!", "Failed"), True),
        ("Bug", ("Bug", "Failed"), True),
        ("On hold", ("On hold", "Blocked"), True),
        ("Skipped", ("Skipped", "Incomplete"), True),
        ("N/A", ("N/A", "Incomplete"), True),
        ("Won't do", ("Won't do", "Incomplete"), True),
        ("Not run", ("Not run", "Unexecuted"), True),
        ("To-Do", ("To-Do", "Unexecuted"), True),
        ("OK", ("OK", "Passed"), True),
        ("Okra", ("Okra", "Incomplete"), True),
        ("Prüfen", ("Prüfen", "Incomplete"), True),
    ],
)
def test_a_status_has_its_own_name_then_qtests(
    name: str, expected: tuple[str, ...], *, by_rule: bool
) -> None:
    assert name_tables().execution_statuses(name) == (expected, by_rule)


def test_the_default_status_is_unexecuted_whatever_its_name() -> None:
    assert name_tables().unexecuted("To Pass") == ("To Pass", "Unexecuted")
    assert name_tables().unexecuted(" ") == ("Unexecuted",)


def test_check_names_the_statuses_that_qtest_lacks() -> None:
    some = Schema(statuses=("passed", "Failed", "Blocked", "Incomplete"))
    (finding,) = TO_QTEST.check(Options(), Schema(), some)
    assert (finding.level, "'Unexecuted'" in finding.text) == ("warning", True)
    assert TO_QTEST.check(Options(), Schema(), Schema()) == ()


def test_an_unknown_date_that_is_none_stops_at_the_start() -> None:
    with pytest.raises(ConfigError, match="unknown_date = 'yesterday'"):
        TO_QTEST.build(Options(unknown_date="yesterday"), TransformContext(source=Schema()))


def test_an_unknown_date_may_name_its_zone() -> None:
    options = Options(unknown_date="2001-01-01T02:00:00+02:00")
    found = TO_QTEST.build(options, TransformContext(source=Schema()))(log())
    assert isinstance(found, TestLog)
    assert found.end == datetime(2001, 1, 1, tzinfo=UTC)


def test_without_a_project_containers_belong_to_the_records_own() -> None:
    transform = TO_QTEST.build(Options(), TransformContext(source=Schema()))
    assert [b.key for b in transform(TestCase(key="ACME-T1", name="x")).companions] == [
        "ACME-F-none"
    ]
    assert [b.key for b in transform(TestCase(key="1", name="x")).companions] == ["ZEPHYR-F-none"]


@pytest.mark.parametrize(
    ("duration", "start"),
    [
        (None, ENDED),
        (float("nan"), ENDED),
        (-5, ENDED),
        (1e12, ENDED),
        (60, datetime(2024, 2, 29, 23, 59, tzinfo=UTC)),
    ],
)
def test_a_log_starts_before_its_end_by_the_duration(
    transform: Transform, duration: float | None, start: datetime
) -> None:
    found = transform(log(ended=ENDED, duration=duration))
    assert isinstance(found, TestLog)
    assert (found.start, found.end) == (start, ENDED)


def test_the_planned_start_stands_in_where_there_is_no_planned_end(transform: Transform) -> None:
    found = transform(log(planned_start=ENDED))
    assert isinstance(found, TestLog)
    assert found.end == ENDED
    assert "the planned start of the cycle" in found.note
    assert "date unknown" in found.note


@pytest.mark.parametrize(
    "what",
    [
        {"comment": "x"},
        {"files": 1},
        {"results": (StepResult(key="1", status="None", actual="x"),)},
        {"links": (Link(type=LinkType.BLOCKS, issue_id="1"),)},
        {"fields": (FieldValue(name="Build", value="7"),)},
        {"last": True, "siblings_executed": True},
    ],
)
def test_a_log_not_executed_stays_for_what_it_carries(
    transform: Transform, what: dict[str, Any]
) -> None:
    found = transform(log(executed=False, status="None", **what))
    assert isinstance(found, TestLog)
    assert found.statuses == ("None", "Unexecuted")
    assert found.note.startswith("<p>Not executed, date unknown; Zephyr execution ACME-E1</p>")


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"last": True},
        {"siblings_executed": True},
        {"fields": (FieldValue(name="Smoke", value=False),)},
        {"results": (StepResult(key="1", status="None"),)},
    ],
)
def test_a_log_not_executed_that_carries_nothing_is_left_out(
    transform: Transform, what: dict[str, Any]
) -> None:
    with pytest.raises(Skip) as skipped:
        transform(log(executed=False, status="None", **what))
    assert not skipped.value.loss


def test_a_log_that_holds_a_comment_alone_is_not_called_executed(transform: Transform) -> None:
    found = transform(log(status="Not Executed", comment="Tomorrow"))
    assert isinstance(found, TestLog)
    assert found.statuses == ("Not Executed", "Unexecuted")
    assert found.note.startswith("<p>Not executed, date unknown; Zephyr execution ACME-E1</p>")


def test_a_log_without_status_says_nothing_of_it(transform: Transform) -> None:
    found = transform(log(status="", ended=ENDED))
    assert isinstance(found, TestLog)
    assert "Status in Zephyr" not in found.note


def test_a_script_follows_the_steps(transform: Transform) -> None:
    case = TestCase(
        key="ACME-T1",
        name="x",
        steps=(TestStep(key="1"),),
        script=Script(language="plain", text="then this"),
    )
    found = transform(case)
    assert isinstance(found, TestCase)
    assert [(step.key, step.description) for step in found.steps] == [("1", ""), ("2", "then this")]


def test_a_name_that_is_cut_stands_whole_in_the_folder_too(transform: Transform) -> None:
    found = transform(Folder(key="ACME-F1", name="n" * 501, tree=Tree.CYCLES))
    assert isinstance(found, Folder)
    assert found.description == f"<p>{'n' * 501}</p>"


def test_a_file_of_a_run_goes_to_a_case(transform: Transform) -> None:
    found = transform(Attachment(key="x#1", name="a.png", owner=RUN))
    assert isinstance(found, Attachment)
    assert found.owner.kind is Kind.TEST_CASE


def test_a_release_takes_its_files_where_plans_are_releases() -> None:
    owner = Ref(Kind.TEST_PLAN, "ACME-P1")
    context = TransformContext(source=Schema(), sink_config=SimpleNamespace(plans="release"))
    found = TO_QTEST.build(Options(), context)(Attachment(key="x#1", name="a", owner=owner))
    assert isinstance(found, Attachment)
    assert found.owner == owner


def test_a_run_is_called_as_its_case(transform: Transform) -> None:
    found = transform(TestRun(key="-/ACME-T1/", case=CASE))
    assert isinstance(found, TestRun)
    assert found.name == "ACME-T1"


def test_labels_reserved_for_the_mapping_are_not_given_to_custom_fields() -> None:
    spec = FieldSpec(kind=Kind.TEST_CASE, name="Labels", type=FieldType.TEXT)
    transform = TO_QTEST.build(Options(), TransformContext(source=Schema(fields=(spec,))))
    case = TestCase(
        key="ACME-T1", name="x", labels=("a",), fields=(FieldValue(name="Labels", value="b"),)
    )
    assert [(f.name, f.value) for f in transform(case).fields] == [
        ("Labels", ("a",)),
        ("Labels (Zephyr)", "b"),
    ]


def test_a_priority_of_blanks_fills_no_field_of_qtests(transform: Transform) -> None:
    found = transform(TestCase(key="ACME-T1", name="x", priority="\r"))
    assert [(each.name, each.value) for each in found.fields] == [("Zephyr priority (text)", "\r")]


def test_values_are_shown_as_people_read_them() -> None:
    assert markup.value(it=True) == "yes"
    assert markup.value(None) == ""
    assert markup.value(2) == "2"
    assert markup.value(("1", "<2>")) == "1, &lt;2&gt;"
    assert markup.value("a\n<name>") == "a<br>&lt;name&gt;"


@pytest.mark.parametrize(
    ("status", "word"), [("Pass w/ Deviation", True), ("Pass", False), ("", False)]
)
def test_a_teams_own_status_of_a_step_stays_in_words(
    transform: Transform, status: str, *, word: bool
) -> None:
    found = transform(log(results=(StepResult(key="1", status=status, actual="<p>Slow</p>"),)))
    assert isinstance(found, TestLog)
    (result,) = found.results
    said = f"<p>Status in Zephyr: {status}</p>" if word else ""
    assert result.actual == f"{said}<p>Slow</p>"
