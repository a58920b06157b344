"""What Zephyr and Jira write is recognised: people, issues, pictures, parameters."""

from __future__ import annotations

import pytest
from ztoq_zephyr.rules import RULES

SITE = "https://acme.example.com"


@pytest.mark.parametrize(
    ("value", "person"),
    [
        ("557058:f58131cb-b67d-43c7-b30d-6b58d40bd077", True),
        ("5b10a2844c20165700ede21f", True),
        ("5b10a2844c20165700ede21g", False),
        ("5b10a2844c20165700ede21f ", False),
        ("anna", False),
    ],
)
def test_an_account_id_is_a_person(value: str, *, person: bool) -> None:
    assert RULES.is_person(value) is person


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("", ""),
        (f"{SITE}/rest/api/2/issue/10011", f"{SITE}/browse/ACME-2"),
        (f"{SITE}/jira/rest/api/latest/issue/10011/", f"{SITE}/jira/browse/ACME-2"),
        (f"{SITE}/rest/api/2/issue/10011?expand=x", f"{SITE}/rest/api/2/issue/10011?expand=x"),
        (f"{SITE}/projects/ACME", f"{SITE}/projects/ACME"),
        ("not an address", "not an address"),
    ],
)
def test_an_issue_in_the_api_has_a_page_beside_it(url: str, page: str) -> None:
    assert RULES.issue_page(url, "ACME-2") == page


def test_an_issue_without_a_key_has_no_page() -> None:
    assert not RULES.issue_page(f"{SITE}/rest/api/2/issue/10011", "")


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("embedded-f327a8-1602524700769-1602524700769.png", "1602524700769.png"),
        ("embedded-f327a8-1578694121882-2020-01-10_17-08-02.png", "2020-01-10_17-08-02.png"),
        ("0c5e8d1a-12ab-4c3d-9e8f-0123456789ab-1602524700769-a-b.png", "a-b.png"),
        ("0c5e8d1a-12ab-1602-a.png", "a.png"),
        ("0c5e8d1a-12ab-4c3d-9e8f-0123456789ab-1602524700769.png", ""),
        ("basket.png", ""),
        ("", ""),
    ],
)
def test_a_stored_picture_tells_the_name_it_had(stored: str, name: str) -> None:
    assert RULES.picture_name(stored) == name


@pytest.mark.parametrize(
    ("html", "masked"),
    [
        ("Log in as {user}", "Log in as {}"),
        ("Log in as <var class='p'>anna</var>\u2060", "Log in as {}"),
        ("<VAR>a\n{b}</VAR> and {c}", "{} and {}"),
        ("<var>open <var>inner</var>", "<var>open {}"),
        ("{<b>}", "{<b>}"),
    ],
)
def test_a_parameter_and_its_value_become_the_same_sign(html: str, masked: str) -> None:
    assert RULES.mask_parameters(html) == masked
