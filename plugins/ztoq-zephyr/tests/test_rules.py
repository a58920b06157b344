"""What Zephyr and Jira write is recognised: people, issues, pictures, parameters."""

from __future__ import annotations

from typing import Any

import pytest
from ztoq_zephyr.config import JiraConfig, ZephyrConfig
from ztoq_zephyr.rules import RULES

from ztoq_core.plugin import Kind, Secret

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


APP = "com.atlassian.plugins.atlassian-connect-plugin:com.kanoah.test-manager__main-project-page"


def config(**given: Any) -> ZephyrConfig:
    return ZephyrConfig(project="ACME", token=Secret("x"), **given)


@pytest.mark.parametrize(
    ("kind", "key", "page"),
    [
        (Kind.TEST_CASE, "ACME-T1", f"/projects/ACME?selectedItem={APP}#!/v2/testCase/ACME-T1"),
        (Kind.TEST_CASE, "OLD-T1", f"/projects/OLD?selectedItem={APP}#!/v2/testCase/OLD-T1"),
        (Kind.TEST_CYCLE, "ACME-R1", f"/projects/ACME?selectedItem={APP}#!/v2/testCycle/ACME-R1"),
        (Kind.TEST_PLAN, "ACME-P1", f"/projects/ACME?selectedItem={APP}#!/testPlan/ACME-P1"),
        (
            Kind.TEST_LOG,
            "ACME-E1",
            f"/projects/ACME?selectedItem={APP}#!/testPlayer/testExecution/ACME-E1",
        ),
        (Kind.REQUIREMENT, "ACME-7", "/browse/ACME-7"),
        (Kind.REQUIREMENT, "10011", None),  # an id that nobody resolved
        (Kind.FOLDER, "ACME-F1", None),
        (
            Kind.TEST_CASE,
            'A"<b>-T1',
            f"/projects/A%22%3Cb%3E?selectedItem={APP}#!/v2/testCase/A%22%3Cb%3E-T1",
        ),
    ],
)
def test_a_record_has_a_page_on_the_site_of_its_jira(kind: Kind, key: str, page: str) -> None:
    jira = JiraConfig(base_url=f"{SITE}/", token=Secret("x"))
    assert RULES.pages(config(jira=jira), [])(kind, key) == (f"{SITE}{page}" if page else "")


def test_without_jira_the_address_of_a_person_tells_the_site() -> None:
    owners: list[object] = [
        None,
        "anna",
        {"self": "javascript:alert(1)//https://x/rest/api/2/user"},
        {"self": f"{SITE}/jira/rest/api/2/user?accountId=1"},
    ]
    payloads = ({"owner": owner} for owner in owners)
    page = RULES.pages(config(), payloads)
    assert page(Kind.REQUIREMENT, "ACME-7") == f"{SITE}/jira/browse/ACME-7"
    assert RULES.pages(config(), [{"key": "ACME-T1"}])(Kind.TEST_CASE, "ACME-T1") == ""


def test_the_essential_edition_is_another_app() -> None:
    jira = JiraConfig(base_url=SITE, token=Secret("x"))
    essential = config(jira=jira, base_url="https://prod-api.zephyr4jiracloud.com/v2")
    assert "com.thed.zephyr.je__" in RULES.pages(essential, [])(Kind.TEST_CASE, "ACME-T1")


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
