"""Plain text of HTML: what a parser of the standard library says of the escaped text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ztoq_qtest.html import plain

from ztoq_core.plugin import escape_stray

BITS = [
    "<p>",
    "</p>",
    "<br/>",
    "<td>",
    "</td>",
    "<td/>",
    "<TD>",
    "</TD\t>",
    "<p/\t>",
    "<b\tclass='x'>",
    "<script>",
    "</script>",
    "<title>",
    "a",
    "&am",
    "p;",
    "&lt;",
    "&amp;",
    "<",
    ">",
    '"',
    "/",
    "=",
    "<!--\tx\t-->",
    "<p",
    "<?x>",
    "<x:y>",
    "</\tp>",
]


class _Words(HTMLParser):
    """Collects text and the ends of blocks by the standard library's rules alone."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = ""

    def handle_data(self, data: str) -> None:
        self.found += data

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self.found += "\n" if tag in {"p", "br"} else ""

    def handle_endtag(self, tag: str) -> None:
        self.found += {"p": "\n", "br": "\n", "td": " "}.get(tag, "")


@given(st.lists(st.sampled_from([*BITS, '<b class="x">', '<img src="x" alt="y>z">'])).map("".join))
@example("a&am<b>p;b")
@example("<script><p>x</p></script>")
def test_plain_text_is_that_of_what_is_sent(text: str) -> None:
    parser = _Words()
    parser.feed(escape_stray(text))
    parser.close()
    lines = [" ".join(line.split()) for line in parser.found.splitlines()]
    assert plain(text) == "\n".join(line for line in lines if line)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two &amp; <b>three</b></p>", "one\ntwo & three"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("a &lt;p&gt; b", "a <p> b"),
        ('<a href="x&amp;y" title="<b>">shown</a>', "shown"),
    ],
)
def test_blocks_end_lines_and_cells_are_parted(html: str, text: str) -> None:
    assert plain(html) == text
