from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import address, is_html, name, plain, rich

from ztoq_core.plugin import Level, LossGroup, Note, NoteCode


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nothing ~ here", "nothing ~ here"),
        ("&#233; ~", "&#233; ~"),
        ("[~a] and [~b]", "[<span>~</span>a] and [<span>~</span>b]"),
        ('<a title="[~a]">[~b]</a>', '<a title="[&#126;a]">[<span>~</span>b]</a>'),
        ("<a title='>[~a]'>x</a>", "<a title='>[&#126;a]'>x</a>"),
        (
            "&#91;~a] [&#x7E;b] &lsqb;&#126;c",
            "&#91;<span>~</span>a] [<span>~</span>b] &lsqb;<span>~</span>c",
        ),
        ("1 < 2 [~a]", "1 < 2 [<span>~</span>a]"),
        ("<!-- [~a] -->", "<!-- [&#126;a] -->"),
        ("a\x00b\ud800", "a\ufffdb\ufffd"),
    ],
)
def test_html_shows_the_same_and_begins_no_parameter(before: str, after: str) -> None:
    assert rich(before, NoteCollector()) == after


def test_a_plain_text_keeps_bracket_and_tilde_apart() -> None:
    notes = NoteCollector()
    assert plain("[~a]\ud83d", notes) == "[ ~a]\ufffd"
    assert [note.code for note in notes.notes()] == ["broken-characters", "parameter-guard"]


def test_an_address_is_percent_encoded() -> None:
    assert address("https://example.com/[~a]", NoteCollector()) == "https://example.com/%5B~a]"
    assert address("https://example.com/~a", NoteCollector()) == "https://example.com/~a"


@pytest.mark.timeout(5)
@pytest.mark.parametrize("unclosed", ["<a title='", '<a "', "<a ", "<", "[", "&#0"])
def test_a_long_unclosed_tag_takes_no_long_time(unclosed: str) -> None:
    assert rich("[~" + unclosed * 20_000, NoteCollector()).startswith("[<span>~</span>")


def test_a_tag_that_is_never_closed_begins_no_parameter_either() -> None:
    assert rich("<a title='[~x]", NoteCollector()) == "<a title='[<span>~</span>x]"
    assert rich("<a [~x]", NoteCollector()) == "<a [&#126;x]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a <name> b", False), ("1 < 2 > 0", False), ("<br />", True), ("a &amp; b", True)],
)
def test_only_known_tags_and_references_are_html(text: str, *, expected: bool) -> None:
    assert is_html(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Log in", ("Log in", "")),
        ("two\r\nlines\u2028three", ("two lines three", "")),
        ("ends\n", ("ends", "")),
        (" \n ", ("ACME-T1", "")),
        ("", ("ACME-T1", "")),
        ("x" * 500, ("x" * 500, "")),
        ("x" * 501, ("x" * 500, "x" * 501)),
    ],
)
def test_a_name_has_1_to_500_characters_on_one_line(text: str, expected: tuple[str, str]) -> None:
    assert name(text, NoteCollector(), "ACME-T1") == expected


def test_nothing_at_all_still_has_a_name() -> None:
    assert name("", NoteCollector(), "\n") == ("Without a name", "")


def test_a_note_collector_keeps_one_note_per_code_after_the_earlier_ones() -> None:
    earlier = Note(level=Level.CHANGE, code="a", text="first")
    notes = NoteCollector((earlier,))
    assert notes.notes() == (earlier,)
    notes.add(NoteCode("a", Level.CHANGE, LossGroup.CHANGED, "a change"), "first")
    moved = NoteCode("b", Level.FALLBACK, LossGroup.MOVED, "a move")
    notes.add(moved, "one")
    notes.add(moved, "two")
    assert notes.notes() == (earlier, Note(level=Level.FALLBACK, code="b", text="one"))


MARKUP = st.text(st.sampled_from("[~<>&#\"'126;91xa/! \n")).map(lambda text: text + "[~x]")


@given(MARKUP)
def test_guarding_twice_is_guarding_once(html: str) -> None:
    once, notes = rich(html, NoteCollector()), NoteCollector()
    assert rich(once, notes) == once
    assert notes.notes() == ()


@given(MARKUP)
def test_no_html_begins_a_parameter(html: str) -> None:
    assert "[~" not in rich(html, NoteCollector())
    assert "[~" not in plain(html, NoteCollector())


@given(st.text())
def test_html_without_a_parameter_is_untouched(html: str) -> None:
    if "\x00" not in html and "~" not in html:
        assert rich(html, NoteCollector()) == html
