"""What people type in angle brackets is words, for the comparison as for what is sent."""

from __future__ import annotations

from html import escape

import pytest

from ztoq_core.engine.comparison.texts import shape_of
from ztoq_core.plugin import escape_stray

NAMES = (
    "address article aside audio bdi bdo body button details dialog footer form header html label"
    " legend main map menu nav noscript option output picture rt ruby search section select"
    " slot style summary time title video script textarea iframe xmp svg username"
)
UNENDED = NAMES.split()
TYPED = [
    *(f"<{name}>" for name in UNENDED),
    *(f"click <{name} />" for name in UNENDED),
    "<script>alert('a &amp; b')</script>after",
    "the end is </>, or </ p>",
    "if a <b and c> d",
    "<q <i",
    "<![CDATA[x]]>",
    "<!DOCTYPE html>",
    "<?xml version='1.0'?>",
    "List<String> x; <user name>",
]


@pytest.mark.parametrize("text", TYPED)
def test_what_is_no_tag_is_read_as_it_was_typed(text: str) -> None:
    # a sink escapes it, so that the target shows it; the record that was sent holds it bare
    shown = text.replace("&amp;", "&")
    assert shape_of(escape_stray(text)) == shape_of(escape(shown, quote=False))
    assert shape_of(text) == shape_of(escape(shown, quote=False))
