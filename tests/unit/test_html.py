"""HTML is read as people see it."""

from __future__ import annotations

import pytest

from ztoq_core.html import page_text, plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p>a</p><p>b<br>c</p>", "a\nb\nc"),
        ("<ul><li>a<ul><li>b</li></ul></li></ul>", "a\nb"),
        ("<table><tr><th>a</th><td>b</td></tr></table>", "a b"),
        ("a<script>x()</script><style>p{}</style>b", "a<script>x()</script>b"),
        ("a <username>, List<String>, </>, <nav> b", "a <username>, List<String>, </>, <nav> b"),
        ("<pre>a\n <b>b\n</b>c</pre>", "a\nb\nc"),
        ("&lt;b&gt; &amp; &#233;", "<b> & é"),
        ("a \n  b", "a b"),
        ("a&nbsp;b", "a\xa0b"),
        ("a \n  <frameset>b", "a <frameset>b"),
        ("<p>\ud800</p>", "?"),
        ("<b>" * 5000 + "a", "a"),
    ],
)
def test_html_becomes_the_words_that_it_shows(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_a_page_shows_no_script() -> None:
    assert page_text("a<script>x()</script><style>p{}</style> <frameset>b") == "a b"
