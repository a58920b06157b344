"""Rich text on its whole way, over real HTTP: the same tree in qTest as in Zephyr.

Trees are built by ``html5lib``, which the product does not use.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import attrs
import html5lib
import pytest

from tests.journeys.journey import journey, project
from tests.shared import SHARED
from ztoq_core.errors import Exit

CORPUS = SHARED / "data/mattermost/testcases-2022-09-07.jsonl.gz"
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
WRITTEN = (
    "<p>plain&nbsp;\u00a0and \u200bzero\u2060 wide, &mdash; &lt;b&gt; &amp;amp; it's</p>",
    '<table style="width: 50%;" class="fr-x"><thead><tr><th>A</th></tr></thead></table>',
    '<table><tbody><tr><td colspan="2" style="text-align: center;">2<br>3</td></tr></table>',
    "<ol><li>one<ul><li>two <strong>b<em>c</em></strong></li></ul></li><li>three</li></ol>",
    '<pre>if x:\n    <code>y &lt; "z"</code>\n</pre><blockquote>q</blockquote>',
    '<p dir="rtl">עברית <bdi>العربية</bdi></p>',
    "<p>\U0001f600 \U0001f468\u200d\U0001f469 e\u0301 日本語</p>",
    '<a href="https://acme.example.com/a?b=1&amp;c=2#d" target="_blank" rel="noopener">x</a>',
    '<span style="color: rgb(12, 34, 56); background-color: #ff0000;">colours</span><hr>',
    f'<img src="data:image/png;base64,{PNG}" style="width: 412px;" class="fr-fic fr-dib">',
)


def tree(html: str) -> tuple[Any, ...]:
    def inside(element: Element) -> tuple[Any, ...]:
        parts: list[Any] = [element.text or ""]
        for child in element:
            # a picture is shown from its file in the target: elsewhere that is tested
            named = [name for name in child.attrib if (child.tag, name) != ("img", "src")]
            look = tuple(sorted((name, one_form(name, child.attrib[name])) for name in named))
            parts += [(child.tag, look, inside(child)), child.tail or ""]
        return tuple(part for part in parts if part)

    return inside(html5lib.parseFragment(html, namespaceHTMLElements=False))


def one_form(name: str, value: str) -> str:
    """Return the value of an attribute; ``50.000%`` and ``50%`` are one style."""
    if name != "style":
        return value
    bare = "".join(value.split()).strip(";")
    return re.sub(r"(\.\d*?)0+(?!\d)", r"\1", bare).replace(".%", "%")


def written() -> list[str]:
    """Return samples of what the editor writes."""
    return list(WRITTEN)


def real() -> list[str]:
    """Return the texts of the public cases with most tags."""
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        found = {case["objective"] for case in map(json.loads, lines)} - {None, ""}
    # their pictures lie at hosts that no test asks
    plain = [html for html in found if "<img" not in html]
    return sorted(plain, key=lambda html: (html.count("<"), html))[-60:]


@pytest.mark.parametrize("policy", ["keep", "clean"])
@pytest.mark.parametrize(
    "texts",
    [
        written,
        pytest.param(real, marks=[pytest.mark.shared("data/mattermost"), pytest.mark.acceptance]),
    ],
)
async def test_a_rich_text_has_the_same_tree_in_the_target(
    tmp_path: Path, texts: Callable[[], list[str]], policy: str
) -> None:
    made = project()
    (pattern, *_) = made.cases
    htmls = texts()
    made.cases = [
        attrs.evolve(
            pattern,
            id=1000 + number,
            key=f"ACME-T{number + 1}",
            version_ids=[3000 + number],
            files=[],
            objective=html,
            precondition=html,
            steps=[attrs.evolve(pattern.steps[0], id=7000 + number, expected_result=html)],
        )
        for number, html in enumerate(htmls)
    ]
    for execution, html in zip(made.executions, htmls, strict=False):
        execution.comment = html
    async with journey(tmp_path, read=made, qtest={"normalise_html": True}) as sides:
        sides.tables["transform"] = [{"use": "text", "html": policy}]
        done = await sides.run()
        stands = sides.qtest.dump()

    assert done.exit is Exit.OK
    cases = {each["properties"]["Zephyr key"]: each for each in stands["test_cases"]}
    for number, html in enumerate(htmls):
        case = cases[f"ACME-T{number + 1}"]
        (step,) = case["versions"][-1]["steps"]
        for arrived in (case["description"], case["precondition"], step["expected"]):
            assert tree(arrived) == tree(html)
    notes = [tree(each["note"]) for each in stands["test_logs"]]
    for html in htmls[: len(made.executions)]:
        assert any(set(tree(html)) <= set(note) for note in notes)
