"""What the transformer ``text`` does to HTML and to keys, and what it leaves alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from ztoq_mappings.text import TEXT, Options, Policy
from ztoq_mappings.text.cleaning import cleaned, only_text

from ztoq_core.plugin import (
    ConfigError,
    FieldSpec,
    FieldType,
    FieldValue,
    Kind,
    Level,
    Record,
    Ref,
    Schema,
    Script,
    StepResult,
    TestCase,
    TestLog,
    TestPlan,
    TestStep,
    TransformContext,
)

CASE = TestCase(key="ACME-T1", name="Log in")
T12 = Ref(Kind.TEST_CASE, "ACME-T12")
LINK = '<a href="ztoq:test_case/ACME-T12">ACME-T12</a>'


def changed(record: Record, **options: Any) -> Record:
    context = TransformContext(
        source=Schema(
            fields=(FieldSpec(kind=Kind.TEST_CASE, name="Notes", type=FieldType.RICH_TEXT),)
        ),
        source_config=SimpleNamespace(project="ACME"),
    )
    return TEXT.build(Options(**options), context)(record)


def described(text: str, **options: Any) -> str:
    after = changed(attrs.evolve(CASE, description=text), **options)
    assert isinstance(after, TestCase)
    return after.description


def linked(html: str) -> str:
    return described(html, keys=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("see ACME-T12.", f"see {LINK}."),
        ("<p>ACME-T12</p>", f"<p>{LINK}</p>"),
        ("ACME-T12/ACME-T12", f"{LINK}/{LINK}"),
        ("ACME-R3", '<a href="ztoq:test_cycle/ACME-R3">ACME-R3</a>'),
        ("ACME-P1", '<a href="ztoq:test_plan/ACME-P1">ACME-P1</a>'),
        ("(ACME-E5)", '(<a href="ztoq:test_log/ACME-E5">ACME-E5</a>)'),
        ("<code>a</code> ACME-T12", f"<code>a</code> {LINK}"),
        ("<a href='x'><pre>b</a> ACME-T12", f"<a href='x'><pre>b</a> {LINK}"),
        ("</code>ACME-T12", f"</code>{LINK}"),
        (
            "https://jira/secure/Tests.jspa#/testCase/ACME-T12.",
            '<a href="ztoq:test_case/ACME-T12">https://jira/secure/Tests.jspa#/testCase/ACME-T12</a>.',
        ),
        (
            "https://x.net/projects/ACME?a=1&amp;b=2#!/v2/testCase/ACME-T12",
            LINK.replace(">A", ">https://x.net/projects/ACME?a=1&amp;b=2#!/v2/testCase/A"),
        ),
        (
            '<a title="t" href="https://jira/secure/Tests.jspa#/testCase/ACME-T12">this</a>',
            '<a title="t" href="ztoq:test_case/ACME-T12">this</a>',
        ),
        (
            "<A HREF=https://jira/secure/Tests.jspa#/testCase/ACME-T12>this</A>",
            '<A HREF="ztoq:test_case/ACME-T12">this</A>',
        ),
    ],
)
def test_a_key_becomes_a_link(before: str, after: str) -> None:
    assert linked(before) == after


@pytest.mark.parametrize(
    "html",
    [
        "XACME-T12",
        "ACME-T12x",
        "ACME-T12-3",
        "ACME-T12_b",
        "acme-t12",
        "ACME-T0",
        "ACME-Q1",
        "OTHER-T12",
        "ACME-T1 is the case itself",
        "<a href='https://x'>ACME-T12</a>",
        "<a>no address: ACME-T12</a>",
        "<pre>ACME-T12</pre>",
        "<code><b>ACME-T12</b></code>",
        "<b title='ACME-T12'>x</b>",
        "<!-- ACME-T12 > ACME-T12 -->",
        "https://jira/browse/ACME-T12",
        "https://jira/secure/Tests.jspa#/testCase/ACME-T12x",
        "https://x/#/testCase/ACME-T1",
        "<a href='https://jira/secure/Tests.jspa#/testCase/OTHER-T1'>x</a>",
    ],
)
def test_what_is_no_key_of_another_record_stays(html: str) -> None:
    case = attrs.evolve(CASE, description=html)
    assert changed(case, keys=True) == case


def test_links_are_told_to_the_sink_and_links_to_zephyr_are_noted() -> None:
    step = TestStep(key="1", description="ACME-T12", data="ACME-R3", expected="ACME-T12")
    earlier = Ref(Kind.ATTACHMENT, "ACME-T1#1")
    case = attrs.evolve(CASE, description="ACME-T12", steps=(step,), text_refs=(earlier,))
    after = changed(case, keys=True)
    assert set(after.text_refs) == {earlier, T12, Ref(Kind.TEST_CYCLE, "ACME-R3")}
    assert len(after.text_refs) == 3
    assert after.notes == ()

    page = "<a href='https://j/secure/Tests.jspa#/testCase/ACME-T12'>x</a>"
    (note,) = changed(attrs.evolve(CASE, description=page), keys=True).notes
    assert (note.level, note.code) == (Level.CHANGE, "zephyr-link")


def test_all_html_of_a_record_is_changed_and_nothing_else() -> None:
    case = attrs.evolve(
        CASE,
        name="ACME-T12",
        precondition="ACME-T12",
        labels=("ACME-T12",),
        script=Script(language="plain", text="ACME-T12"),
        fields=(
            FieldValue(name="Notes", value="ACME-T12"),
            FieldValue(name="Other", value="<p>ACME-T12</p>"),
            FieldValue(name="Typed", value="ACME-T12", type=FieldType.RICH_TEXT),
            FieldValue(name="Plain", value="ACME-T12"),
            FieldValue(name="Text", value="<p>ACME-T12</p>", type=FieldType.TEXT),
            FieldValue(name="Many", value=("ACME-T12",)),
        ),
    )
    after = changed(case, keys=True)
    assert isinstance(after, TestCase)
    assert (after.name, after.labels) == ("ACME-T12", ("ACME-T12",))
    assert after.precondition == LINK
    assert after.script == Script(language="plain", text=LINK)
    assert [field.value for field in after.fields] == [
        LINK,
        f"<p>{LINK}</p>",
        LINK,
        "ACME-T12",
        "<p>ACME-T12</p>",
        ("ACME-T12",),
    ]
    bdd = attrs.evolve(CASE, script=Script(language="bdd", text="Given ACME-T12"))
    assert changed(bdd, keys=True) == bdd
    plan = changed(TestPlan(key="ACME-P1", name="One", description="ACME-T12"), keys=True)
    assert isinstance(plan, TestPlan)
    assert plan.description == LINK
    log = TestLog(
        key="ACME-E1",
        run=Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/"),
        case=CASE.ref,
        status="Pass",
        comment="ACME-T12",
        results=(StepResult(key="1", status="Pass", actual="ACME-T12"),),
    )
    after_log = changed(log, keys=True)
    assert isinstance(after_log, TestLog)
    assert (after_log.comment, after_log.results[0].actual) == (LINK, LINK)


def test_only_the_chosen_kinds_are_changed() -> None:
    case = attrs.evolve(CASE, description="<script>x</script>")
    assert changed(case, html=Policy.CLEAN, kinds=(Kind.TEST_LOG,)) is case
    assert changed(case, html=Policy.CLEAN, kinds=(Kind.TEST_CASE,)) != case


def test_keys_need_a_project() -> None:
    with pytest.raises(ConfigError, match="keys = true needs projects"):
        TEXT.build(Options(keys=True), TransformContext(source=Schema()))
    other = TEXT.build(Options(keys=True, projects=("ACME",)), TransformContext(source=Schema()))
    assert other(attrs.evolve(CASE, description="ACME-T12")).text_refs == (T12,)


def test_keep_changes_nothing() -> None:
    case = attrs.evolve(CASE, description="<script>x</script>\x00\ud800")
    assert changed(case) == case


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("plain & simple", "plain &amp; simple"),
        ("plain and simple", "plain and simple"),
        ("<p>a</p><script>alert(1)</script>", "<p>a</p>"),
        ("<style>p{}</style><iframe src='x'>y</iframe>b", "b"),
        ("<p onclick='x()' style='color:red;position:fixed'>a</p>", '<p style="color:red">a</p>'),
        ("<a href='javascript:x()'>a</a>", "<a>a</a>"),
        ("<a href='data:text/html,x'>a</a>", "<a>a</a>"),
        ("<marquee>a</marquee>", "a"),
        ("<form><p>a", "<p>a</p>"),
        ("<pre>\n\na</pre>", "<pre>\n\na</pre>"),
        (f"<p>{LINK}</p>", f"<p>{LINK}</p>"),
    ],
)
def test_clean_takes_out_what_runs_frames_or_hides(before: str, after: str) -> None:
    once = described(before, html=Policy.CLEAN)
    assert cleaned(once) == once
    assert once == after


def test_what_cleaning_takes_out_is_noted_by_name() -> None:
    after = changed(attrs.evolve(CASE, description="<form>a</form>"), html=Policy.CLEAN)
    (note,) = after.notes
    assert (note.level, note.code) == (Level.CHANGE, "html-cleaned")
    assert "'form'" in note.text
    assert changed(attrs.evolve(CASE, description="<P>a</P>"), html=Policy.CLEAN).notes == ()
    dead = attrs.evolve(CASE, description="<a href='http://%3Cimg%20src'>a</a>")
    assert [note.code for note in changed(dead, html=Policy.CLEAN).notes] == ["link-unusable"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a  b", "a  b"),
        ("<p>a\n b</p><p>c &lt; d&nbsp;&amp;</p>", "a b<br>c &lt; d\u00a0&amp;"),
        ("a<br><br><br>b<br>", "a<br><br>b"),
        ("<ul><li>a<ol><li>x</li><li>y</li></ol></li><li>b</li></ul>",
         "- a<br>\u00a0\u00a01. x<br>\u00a0\u00a02. y<br>- b"),
        ("<li>alone", "- alone"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>",
         "A | B<br>1 | 2"),
        ('<a href="https://x.y/z">here</a> <a href="https://x.y">https://x.y</a>',
         "here (https://x.y/z) https://x.y"),
        (LINK, "ACME-T12"),
        ("<a>b</a>", "b"),
        ('<img src="https://x/a%20b.png?c=d"><img alt=" A " src="x"><img src="data:x"><img>',
         "[Picture: a b.png][Picture: A][Picture: without a name][Picture: without a name]"),
        ("<input type=checkbox checked>a<input type=checkbox>b<input>c", "[x] a[ ] bc"),
        ("<pre>if x:\n    y</pre>z", "if x:<br>\u00a0\u00a0\u00a0\u00a0y<br>z"),
        ("a<hr>b", "a<br>---<br>b"),
        ("a<script>b</script><!-- c -->", "a"),
        ("<div>" * 3000 + "deep", "deep"),
    ],
)  # fmt: skip
def test_text_keeps_words_and_lines(before: str, after: str) -> None:
    assert only_text(before) == after


def test_text_is_noted_and_links_can_be_made_in_it() -> None:
    case = attrs.evolve(CASE, description="<b>ACME-T12</b>\x00")
    after = changed(case, html=Policy.TEXT, keys=True)
    assert isinstance(after, TestCase)
    assert after.description == LINK + "\ufffd"
    assert [note.code for note in after.notes] == ["html-to-text", "broken-characters"]
    assert changed(attrs.evolve(CASE, description="words"), html=Policy.TEXT).notes == ()
