"""A target that cleans HTML takes no words from what is sent: nh3 cleans in its place."""

from __future__ import annotations

from typing import Any

import attrs
import nh3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ztoq_demo.qtest import Options
from ztoq_qtest.html import plain

from ztoq_core.plugin import Kind, escape_stray

# what editors write, and what testers type that only looks like it
TAGS = ["<p>", "</p>", "<br />", '<a href="x?a<b">', "</a>", "<td nowrap>", "<b class='x'>", "</b>"]
STRAY = ["<username>", "List<String>", "a < b", "</end>", "<", "<!", "<?php ?>", "<p && q>", "<b"]
ODD = ["<!-- x -->", "<!-->", "<!--", "-->", "--!>", "<address>", "</address>", "<o:p>", '"', "'"]
WORDS = ["word", " ", "&lt;", "&", "=", ">", "/", "\n", "script", "<script>", "</script>"]
TEXTS = st.lists(st.sampled_from([*TAGS, *STRAY, *ODD, *WORDS])).map("".join) | st.text()


def words(html: str) -> str:
    return "".join(plain(html).split())


@given(TEXTS)
@example("<!-- <username>")
@example("<!--><username>-->")
@example("<b =<c>>")
def test_cleaning_what_is_sent_takes_no_word(text: str) -> None:
    sent = escape_stray(text.replace("\x00", ""))
    assert words(nh3.clean(sent)) == words(sent)
    assert escape_stray(sent) == sent


@pytest.mark.parametrize("text", STRAY)
def test_what_only_looks_like_a_tag_is_seen_after_cleaning(text: str) -> None:
    assert words(nh3.clean(escape_stray(f"<p>{text}</p>"))) == "".join(text.split())


@given(st.lists(st.sampled_from([*TAGS, "<!-- x -->", "word", "&lt;"])).map("".join))
def test_tags_pass_as_they_are(text: str) -> None:
    assert escape_stray(text) == text


UNITS = [
    "<",
    "<a ",
    "<a b='",
    "<a b=\"'",
    "<p/",
    "<!--",
    "<!-->",
    "</",
    "<a b=1 ",
    "<?",
    "<![CDATA[",
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("read", [escape_stray, plain])
def test_a_text_of_200_000_openings_is_read_at_once(read: Any, unit: str) -> None:
    # a scan that looks back would take hours
    assert read(unit * (200_000 // len(unit))) is not None


async def test_every_text_of_every_kind_is_escaped_before_it_is_sent(
    opened: Any, project: Any
) -> None:
    world = await opened()
    stray = "<p>of <username></p>"
    steps = tuple(
        attrs.evolve(each, description=stray, expected=stray) for each in project.case.steps
    )
    results = tuple(attrs.evolve(each, actual=stray) for each in project.log.results)
    await attrs.evolve(
        project,
        module=attrs.evolve(project.module, description=stray),
        requirement=attrs.evolve(project.requirement, description=stray),
        case=attrs.evolve(project.case, description=stray, precondition=stray, steps=steps),
        plan=attrs.evolve(project.plan, description=stray, note=stray),
        log=attrs.evolve(project.log, note=stray, results=results),
    ).write_all(world)
    shown = repr(world.dump())
    assert "<username" not in shown
    assert shown.count("&lt;username>") >= 12


async def test_a_site_that_cleans_html_gives_back_every_word(opened: Any, project: Any) -> None:
    world = await opened(Options(clean_html=True))
    text = "<p>Enter <username> into List<String>, a < b</p>"
    await attrs.evolve(project, case=attrs.evolve(project.case, description=text)).write_all(world)
    case = await world.sink.read(Kind.TEST_CASE, world.written[project.case.ref].target_id)
    assert words(case.description).startswith("Enter<username>intoList<String>,a<b")
