"""Addresses in texts: pictures are found, ``ztoq:`` ones resolved, nothing else is touched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ztoq_core.contracts import Written
from ztoq_core.pictures.addresses import (
    change_images,
    images_in,
    ref_of,
    resolved,
    texts_of,
    with_texts,
)
from ztoq_core.plugin import image_src, resolve_addresses
from ztoq_core.records import (
    RECORD_TYPES,
    FieldValue,
    Folder,
    Kind,
    Record,
    Ref,
    Requirement,
    Script,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestStep,
    Tree,
)

FILE = Ref(Kind.ATTACHMENT, "ACME-T1#img-1")
CASE = Ref(Kind.TEST_CASE, "ACME-T2")
LINKS = {
    FILE: Written(target_id="7", url="https://q.example/files/7?a=1&b=2"),
    CASE: Written(target_id="8", url="https://q.example/cases/8"),
}
SHOT = "https://files.example/a.png?x=1&y=2"


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("", []),
        ("no picture < img src=x", []),
        ('<img src="a.png">', ["a.png"]),
        ("<IMG class='x' SRC='a.png' />", ["a.png"]),
        ("<img\n  src = a.png >", ["a.png"]),
        ('<p title="<img src=no>"><img alt="src=no" data-src="no" src=" yes "></p>', ["yes"]),
        ('<img src="a&amp;b.png"><img src="a&b.png">', ["a&b.png", "a&b.png"]),
        ("<img src='one' src='two'><img><img src><img src=''>", ["one", ""]),
        ("<!-- <img src=a> --><img src=b>", ["b"]),
        ("líne\r\n\n<b>é</b><img src=c>", ["c"]),
        ("<img src='never closed", []),
    ],
)
def test_pictures_are_found(html: str, found: list[str]) -> None:
    assert list(images_in(html)) == found


def test_a_data_uri_is_named_by_its_digest() -> None:
    uri = "data:image/png;base64,iVBORw0KGgo="
    digest = hashlib.sha1(uri.encode(), usedforsecurity=False).hexdigest()
    assert image_src(f" {uri}\n") == f"data:#{digest}"
    assert image_src(uri.replace("data", "DATA")).startswith("data:#")
    assert image_src(f" {SHOT} ") == SHOT


@pytest.mark.parametrize(
    ("change", "html"),
    [
        (lambda _: None, '<p>a<img alt=x src="a&amp;b.png" width=3>b</p>'),
        (lambda src: f"{src}&c", '<p>a<img alt=x src="a&amp;b.png&amp;c" width=3>b</p>'),
        (lambda _: "[gone]", "<p>a[gone]b</p>"),
    ],
)
def test_pictures_are_changed(change: Callable[[str], str | None], html: str) -> None:
    assert change_images('<p>a<img alt=x src="a&amp;b.png" width=3>b</p>', change) == html
    assert change_images("<p>none</p>", change) == "<p>none</p>"


def test_an_address_names_a_record() -> None:
    odd = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/Fire fox ä#?")
    assert ref_of(odd.address) == odd
    assert ref_of("https://x.example") is None
    assert ref_of("ztoq:nonsense/x") is None
    assert ref_of("ztoq:test_case") is None


@pytest.mark.parametrize(
    ("html", "made", "missing"),
    [
        ("plain", "plain", ()),
        (
            f'<img  class="a" src="{FILE.address}" alt=x>',
            '<img  class="a" src="https://q.example/files/7?a=1&amp;b=2" alt=x>',
            (),
        ),
        (
            f"<a href={CASE.address} title='<'>see <b>T2</b></a> <a href='x'>y</a>",
            "<a href=\"https://q.example/cases/8\" title='<'>see <b>T2</b></a> <a href='x'>y</a>",
            (),
        ),
        (
            "<a href='x'>1</a><a class=c href='ztoq:test_case/NO'>2 <i>3</i></a><a href='x'>4</a>",
            "<a href='x'>1</a>2 <i>3</i><a href='x'>4</a>",
            (Ref(Kind.TEST_CASE, "NO"),),
        ),
        (
            "a<img src='ztoq:attachment/NO' alt='the &lt;shop&gt;'>b<img src=ztoq:attachment/NO>",
            "a<em>[Picture missing: the &lt;shop&gt;]</em>b<em>[Picture missing]</em>",
            (Ref(Kind.ATTACHMENT, "NO"),),
        ),
        ("ztoq:test_case/ACME-T2 </a> <a name=x>", "ztoq:test_case/ACME-T2 </a> <a name=x>", ()),
        ("<a href='ztoq:odd/X'>x</a>", "<a href='ztoq:odd/X'>x</a>", ()),
    ],
)
def test_addresses_are_resolved(html: str, made: str, missing: tuple[Ref, ...]) -> None:
    assert resolve_addresses(html, LINKS) == (made, missing)


def test_what_has_no_url_in_the_target_is_missing() -> None:
    links = {CASE: Written(target_id="8"), FILE: None}
    html = f"<a href='{CASE.address}'>T2</a>"
    assert resolve_addresses(html, links) == ("T2", (CASE,))


PIECES = st.sampled_from(
    [
        *("<p>", "</p>", "<b", ">", "'", '"', "&amp;", "<!--", "-->", "\n", "\r\n", "ä", "<a>"),
        *("</a>", "<img alt='>'>", "<a href='https://x.example'>", "text", "<pre>", "</", "<", "="),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join), st.lists(PIECES, max_size=12).map("".join))
def test_nothing_but_addresses_is_touched(before: str, after: str) -> None:
    """Whatever stands around: it stays, byte for byte."""
    html = f"{before}ztoq:{after}"
    assert resolve_addresses(html, LINKS) == (html, ())
    around = before.replace("<", "&lt;"), after.replace("<", "&lt;")
    made, _ = resolve_addresses(f"{around[0]}<img src='{CASE.address}'>{around[1]}", LINKS)
    assert made == f'{around[0]}<img src="https://q.example/cases/8">{around[1]}'


FIELD = (FieldValue(name="Notes", value="field"), FieldValue(name="n", value=3))
RECORDS: tuple[tuple[Record, list[str]], ...] = (
    (Folder(key="F", name="", tree=Tree.CASES, description="d", fields=FIELD), ["d", "field"]),
    (Requirement(key="R", name="", issue_key="", description="d"), ["d"]),
    (
        TestCase(
            key="T",
            name="",
            description="d",
            precondition="p",
            steps=(TestStep(key="1", description="s", data="t", expected="e", fields=FIELD),),
            script=Script(language="plain", text="plain"),
            fields=FIELD,
        ),
        ["d", "p", "field", "s", "t", "e", "field", "plain"],
    ),
    (TestCase(key="T", name="", script=Script(language="bdd", text="Given")), []),
    (TestPlan(key="P", name="", description="d", note="n"), ["d", "n"]),
    (TestCycle(key="C", name="", description="d"), ["d"]),
    (
        TestLog(
            key="E",
            run=Ref(Kind.TEST_RUN, "r"),
            case=CASE,
            status="",
            comment="c",
            note="n",
            results=(
                StepResult(key="1", status="", description="d", data="t", expected="e", actual="a"),
            ),
        ),
        ["c", "n", "d", "t", "e", "a"],
    ),
)


@pytest.mark.parametrize(("record", "texts"), RECORDS, ids=lambda each: type(each).__name__)
def test_all_texts_of_a_record_are_seen_and_changed(record: Record, texts: list[str]) -> None:
    assert list(texts_of(record)) == texts
    assert with_texts(record, lambda text: text) is record
    changed = with_texts(record, str.upper)
    assert list(texts_of(changed)) == [text.upper() for text in texts]


def test_every_kind_with_texts_is_known() -> None:
    known = {type(record) for record, _ in RECORDS}
    described = {each for each in RECORD_TYPES.values() if "description" in each.__annotations__}
    assert described <= known


def test_a_record_is_resolved_in_all_its_texts() -> None:
    html = f"<a href='{CASE.address}'>T2</a>"
    step = TestStep(key="1", expected=html)
    case = resolved(TestCase(key="T", name=html, description=html, steps=(step,)), LINKS)
    assert case.name == html
    assert case.description == case.steps[0].expected
    assert "https://q.example/cases/8" in case.description
