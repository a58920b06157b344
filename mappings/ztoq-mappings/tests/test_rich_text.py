"""What Zephyr's editor writes survives, compared by a parser that the product does not use.

``html5lib`` builds the tree that a browser builds; two texts are equal where their trees are.
"""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections.abc import Iterator
from html import escape
from types import SimpleNamespace
from typing import Any
from xml.etree.ElementTree import Element

import attrs
import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_mappings.mask import MASK, Files
from ztoq_mappings.mask import Options as MaskOptions
from ztoq_mappings.text import TEXT, Policy
from ztoq_mappings.text import Options as TextOptions
from ztoq_mappings.to_qtest import TO_QTEST
from ztoq_mappings.to_qtest import Options as QtestOptions

from tests.shared import SHARED
from ztoq_core.plugin import Kind, Ref, Schema, Secret, TestCase, Transform, TransformContext

SCENE = TransformContext(source=Schema(), source_config=SimpleNamespace(project="ACME"))
CASE = TestCase(key="ACME-T1", name="x", folder=Ref(Kind.FOLDER, "ACME-F1"))
CORPUS = SHARED / "data/mattermost/testcases-2022-09-07.jsonl.gz"
WITH_CORPUS = pytest.mark.shared("data/mattermost/testcases-2022-09-07.jsonl.gz")

KEEP = TEXT.build(TextOptions(), SCENE)
CLEAN = TEXT.build(TextOptions(html=Policy.CLEAN), SCENE)
LINK = TEXT.build(TextOptions(html=Policy.CLEAN, keys=True), SCENE)
QTEST = TO_QTEST.build(QtestOptions(), SCENE)
SEEN = MASK.build(MaskOptions(seed=Secret("s"), files=Files.KEEP), SCENE)


def through(html: str, *transforms: Transform) -> str:
    record: Any = attrs.evolve(CASE, description=html)
    for transform in transforms:
        record = transform(record)
    return str(record.description)


# ------------------------------------------------------------------------------------------ trees


def tree(html: str) -> tuple[Any, ...]:
    """Return a fragment as nested tuples of names, attributes and texts."""
    root: Element = html5lib.parseFragment(html, namespaceHTMLElements=False)
    return tuple(children(root))


def children(element: Element) -> Iterator[Any]:
    if element.text:
        yield element.text
    for child in element:
        if isinstance(child.tag, str):  # not a comment
            yield child.tag, look(child), tuple(children(child))
        if child.tail:
            yield child.tail


def look(element: Element) -> tuple[tuple[str, Any], ...]:
    found = dict(element.attrib)
    if "style" in found:
        found["style"] = style(found["style"])
    return tuple(sorted(found.items()))


def style(text: str) -> str:
    """Return declarations in one form: ``width: 50.000%`` is ``width:50%``."""
    parts = (part.partition(":") for part in text.split(";") if part.strip())
    return ";".join(f"{name.strip().lower()}:{one_form(value)}" for name, _, value in parts)


def one_form(value: str) -> str:
    bare = re.sub(r"\s+", "", value).lower()
    return re.sub(r"(\.\d*?)0+(?!\d)", r"\1", bare).replace(".%", "%").replace(".px", "px")


def words(found: tuple[Any, ...]) -> str:
    return "".join(each if isinstance(each, str) else words(each[2]) for each in found)


# --------------------------------------------------------------------------------------- generated

LETTERS = st.text(
    st.one_of(
        st.sampled_from("abc XYZ 019 .,;:!?&<>\"'()[]{}-/@#"),
        st.sampled_from("\u00a0\u200b\u200d\u2060\u2028\u200f\u202e\u00ad\ufeff"),
        st.sampled_from("éßøŁ—…אבגשلعربيةΑβжЯ中文日本한국\U0001f600\U0001f468\u0301"),
    ),
    min_size=1,
    max_size=12,
).filter(lambda text: "[~" not in text)
ENTITIES = st.sampled_from(["&nbsp;", "&mdash;", "&lt;b&gt;", "&amp;amp;", "&#233;", "&eacute;"])
PLAIN = st.one_of(LETTERS.map(lambda text: escape(text, quote=False)), ENTITIES, st.just("<br>"))
STYLE = st.sampled_from(
    [
        "",
        ' style="color: rgb(12, 34, 56);"',
        " style='text-align: center; width: 50.0000%'",
        ' style="background-color: #ff0000; font-family: Arial"',
        ' dir="rtl"',
        ' class="fr-fic fr-dib"',
    ]
)
ADDRESS = st.sampled_from(
    ["https://acme.example.com/a?b=1&amp;c=2#d", "http://x/%20", "mailto:ada@acme.example", "/a"]
)
PICTURES = st.sampled_from(
    [
        '<img src="https://files.example/a%20b.png" style="width:412px" class="fr-fic fr-dib">',
        "<img src='data:image/png;base64,iVBORw0KGgo='>",
        '<img src="ztoq:attachment/ACME-T1%231" alt="a &amp; b">',
    ]
)


def wrapped(tag: str, inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(STYLE, inner).map(lambda pair: f"<{tag}{pair[0]}>{pair[1]}</{tag}>")


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(parts, max_size=3).map("".join)


def linked(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(ADDRESS, inner).map(lambda pair: f'<a href="{pair[0]}">{pair[1]}</a>')


PHRASES = ("strong", "em", "u", "s", "sub", "sup", "code", "span", "var")
MARKED = st.one_of(PLAIN, *(wrapped(tag, joined(PLAIN)) for tag in PHRASES))
INLINE = st.one_of(MARKED, MARKED, PICTURES, linked(joined(MARKED)))


def rows(cell: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    row = wrapped("tr", joined(st.one_of(wrapped("td", cell), wrapped("th", cell))))
    return wrapped("table", wrapped("tbody", joined(row)))


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = joined(wrapped("li", inner))
    return st.one_of(
        wrapped("ul", items),
        wrapped("ol", items),
        rows(inner),
        wrapped("blockquote", inner),
        wrapped("div", inner),
    )


PARAGRAPHS = st.one_of(
    *(wrapped(tag, joined(INLINE)) for tag in ("p", "p", "h1", "h3")),
    INLINE,
)
# html5lib forgets in tables that a line break behind <pre> does not count
CODE = st.tuples(st.sampled_from(["", "\n", "\n\n", "  "]), joined(MARKED)).map(
    lambda pair: f"<pre>{pair[0]}{pair[1]}</pre>"
)
EDITOR = joined(st.one_of(st.recursive(PARAGRAPHS, blocks, max_leaves=6), CODE))


@given(EDITOR)
def test_what_the_editor_writes_survives_as_it_is(html: str) -> None:
    assert through(html, KEEP, QTEST) == html


@given(EDITOR)
def test_what_the_editor_writes_survives_cleaning(html: str) -> None:
    assert tree(through(html, CLEAN, QTEST)) == tree(html)


@given(EDITOR)
def test_links_change_no_words(html: str) -> None:
    keyed = html + "<p>see ACME-T12, ACME-R3</p>"
    after = through(keyed, LINK, QTEST)
    assert words(tree(after)) == words(tree(keyed))
    assert after.count('href="ztoq:') == 2


@given(EDITOR)
def test_text_loses_no_word(html: str) -> None:
    after = through(html, TEXT.build(TextOptions(html=Policy.TEXT), SCENE))

    def solid(text: str) -> str:
        return re.sub(r"\s", "", text)

    # marks of items, bars of cells, names of pictures and addresses come in between
    rest = iter(solid(words(tree(after))))
    assert all(letter in rest for letter in solid(words(tree(html))))


# ------------------------------------------------------------------------------------------- mask


def shape(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a tree with nothing of its words but their form; addresses have none."""
    return tuple(
        form(each)
        if isinstance(each, str)
        else (each[0], tuple(name for name, _ in each[1]), shape(each[2]))
        for each in found
    )


def form(text: str) -> str:
    return "".join(
        "9" if letter.isdecimal() else kind(letter) if letter.isalpha() else letter
        for letter in text
    )


def kind(letter: str) -> str:
    return "A" if letter.isupper() else "a"


def same_places(before: tuple[Any, ...], after: tuple[Any, ...]) -> list[str]:
    """Return the letters and digits that stand where they stood."""
    return [
        one
        for one, two in zip(words(before), words(after), strict=True)
        if one == two and (one.isalpha() or one.isdecimal())
    ]


def is_plain(html: str) -> bool:
    """Return whether no address and no e-mail stands in a text: these get another length."""
    return not re.search(r"@|https?:", words(tree(html)))


@given(EDITOR.filter(is_plain))
def test_a_mask_changes_each_letter_and_keeps_the_form(html: str) -> None:
    before, after = tree(html), tree(through(html, SEEN))
    assert shape(after) == shape(before)
    assert same_places(before, after) == []


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text())
def test_each_letter_of_any_text_is_another_one_of_its_kind(text: str, seed: str) -> None:
    mask = MASK.build(MaskOptions(seed=Secret(seed)), SCENE)
    if not is_plain(escape(text)) or re.search(r"ACME-", text, re.IGNORECASE):
        return  # keys of the project stay as they are
    after = mask(attrs.evolve(CASE, name=text))
    assert isinstance(after, TestCase)
    pairs = list(zip(text, after.name, strict=True))
    for one, two in pairs:
        if one.isalpha() or one.isdecimal():
            assert one != two
            assert unicodedata.category(two)[0] == unicodedata.category(one)[0]
        else:
            assert one == two


@given(st.text(st.sampled_from("<>/!-\"'= &;#aSecret\n"), max_size=40))
def test_no_broken_html_lets_a_word_through(html: str) -> None:
    after = through(html + " Secret", SEEN)
    assert "Secret" not in after


# ------------------------------------------------------------------------------------------ corpus


@pytest.fixture(scope="module")
def corpus() -> tuple[str, ...]:
    found: dict[str, None] = {}
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        for case in map(json.loads, lines):
            inline = [step.get("inline") or {} for step in case["steps"]]
            parts = [case["objective"], case["precondition"]]
            for name in ("description", "testData", "expectedResult"):
                parts += [each.get(name) for each in inline]
            found |= dict.fromkeys(filter(None, parts))
    return tuple(found)


@WITH_CORPUS
def test_every_real_text_survives_as_it_is(corpus: tuple[str, ...]) -> None:
    assert len(corpus) > 10_000
    changed = [html for html in corpus if through(html, KEEP, QTEST) != html]
    assert all("~" in html for html in changed)
    assert len(changed) < 5


@WITH_CORPUS
@pytest.mark.acceptance
def test_every_rare_real_text_survives_cleaning(corpus: tuple[str, ...]) -> None:
    """Those that hold more than the usual five tags."""
    rare = re.compile(r"<(?!/?(?:br|li|ol|ul|strong)\b)[a-z]", re.IGNORECASE)
    survive([html for html in corpus if rare.search(html)], at_least=1000)


@WITH_CORPUS
@pytest.mark.acceptance
def test_every_real_text_survives_cleaning(corpus: tuple[str, ...]) -> None:
    survive(list(corpus), at_least=10_000)


def survive(texts: list[str], at_least: int) -> None:
    assert len(texts) > at_least
    wrong = [html for html in texts if tree(through(html, CLEAN, QTEST)) != tree(html)]
    # addresses that were never any, such as http://%3Cimg%20src=…
    assert all(re.search(r'href="http://[^"/]*(%| )', html) for html in wrong)
    assert len(wrong) <= 3


@WITH_CORPUS
@pytest.mark.acceptance
def test_no_word_of_a_real_text_survives_a_mask(corpus: tuple[str, ...]) -> None:
    for html in corpus[::20]:
        before, after = tree(html), tree(through(html, SEEN))
        if is_plain(html):
            assert shape(after) == shape(before)
            assert same_places(before, after) == []
