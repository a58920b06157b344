"""Addresses in texts of Zephyr's editor that lead nowhere as they stand."""

from __future__ import annotations

from typing import Any

import pytest
from ztoq_zephyr.rich_text import rich

from ztoq_core.plugin import Attachment, Kind, Ref, RejectedError

GONE = "https://app.tm4j.smartbear.com/static/unavailable-image-5f2.svg"
REAL = "https://cloudfront.tm4j.smartbear.com/tenant/x/a.png?b=1&amp;c=2"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f'<img src="{GONE}" data-src="{REAL}">', f'<img src="{REAL}" data-src="{REAL}">'),
        (f"<IMG data-src='{REAL}' src='{GONE}'/>", f"<IMG data-src='{REAL}' src='{REAL}'/>"),
        (f'<img data-src="{REAL}">', f'<img src="{REAL}" data-src="{REAL}">'),
        ('<img src="a.png" data-src="b.png">', '<img src="a.png" data-src="b.png">'),
        (f'<img src="{GONE}">', f'<img src="{GONE}">'),
        (
            '<a href="https://jira/secure/Tests.jspa#/testCycle/ACME-C114">x</a> ACME-C114',
            '<a href="https://jira/secure/Tests.jspa#/testCycle/ACME-R114">x</a> ACME-C114',
        ),
        ("<img data-src=" * 3, "<img data-src=" * 3),
        (7, "7"),
        (None, ""),
    ],
)
def test_addresses_lead_to_what_they_mean(html: Any, expected: str) -> None:
    assert rich(html) == expected


async def test_texts_of_records_are_read_so(answers: Any, opened: Any) -> None:
    picture = f'<p><img src="{GONE}" data-src="{REAL}"></p>'
    answers["testcases/nextgen"]["values"][0]["objective"] = picture
    answers["testcases/SHOP-T1/teststeps"]["values"][0]["inline"]["testData"] = picture
    async with opened() as shop:
        case, *_ = await shop.completed(Kind.TEST_CASE, "SHOP-T1")
    assert GONE not in case.description + case.steps[0].data
    assert f'src="{REAL}"' in case.description
    assert f'src="{REAL}"' in case.steps[0].data


async def test_a_picture_of_zephyr_server_says_what_to_do(opened: Any) -> None:
    file = Attachment(
        key="x", name="x", owner=Ref(Kind.TEST_CASE, "SHOP-T1"),
        locator="../rest/tests/1.0/attachment/image/4711", inline=True,
    )  # fmt: skip
    async with opened() as shop:
        with pytest.raises(RejectedError, match=r"images\.folder may hold it under the name 4711"):
            await anext(shop.source.picture(file))
