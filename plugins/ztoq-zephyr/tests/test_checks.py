"""What is found out about settings, token, address and project before the first record."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ztoq_testkit import lent
from ztoq_testkit.simulate import Reply, Request
from ztoq_zephyr import ztoq_sources
from ztoq_zephyr.config import ZephyrConfig
from ztoq_zephyr.plugin import open_zephyr

from ztoq_core.plugin import AccessError, ConfigError, Kind, Secret

FUTURE = 32503680000


async def findings(opened: Any, **settings: Any) -> list[tuple[str, str]]:
    async with opened(**settings) as shop:
        found = [(each.level, each.text) for each in await shop.source.check()]
        assert all(query.get("maxResults", "1") == "1" for _, query in shop.tenant.asked)
        return found


async def test_a_check_says_what_is_there_and_what_is_not_shown(answers: Any, opened: Any) -> None:
    answers["testcases"]["total"] = 3
    answers["testplans"]["total"] = 1
    found = await findings(opened)
    assert [level for level, _ in found] == ["info", "info", "info"]
    assert found[0][1] == "SHOP: 3 test cases, 1 test plan"
    for hidden in ("archived", "comments", "parameters", "old versions"):
        assert hidden in found[1][1]
    assert "[source.jira]" in found[2][1]


async def test_the_service_need_not_tell_how_many_there_are(opened: Any) -> None:
    assert len(await findings(opened)) == 2


@pytest.mark.parametrize("exp", [None, FUTURE, "soon", True, 1e300])
async def test_tokens_that_last_are_taken(opened: Any, make_token: Any, exp: Any) -> None:
    claims = {} if exp is None else {"exp": exp}
    found = await findings(opened, token=Secret(make_token(claims)))
    assert "warning" not in [level for level, _ in found]


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer  ", "\n", ""])
async def test_a_prefix_that_was_pasted_along_is_taken_off(
    answers: Any, opened: Any, make_token: Any, prefix: str
) -> None:
    token = make_token({"exp": FUTURE})
    sent = []
    project = answers["projects/SHOP"]

    def serve(request: Request) -> Any:
        sent.append(request.headers["Authorization"])
        return project

    answers["projects/SHOP"] = serve
    await findings(opened, token=Secret(f"{prefix}{token}\n"))
    assert sent == [f"Bearer {token}"]


@pytest.mark.parametrize(
    ("left", "said"), [(6.5 * 86400, "6 days left"), (3600, "less than a day left")]
)
async def test_a_token_that_expires_soon_is_a_warning(
    opened: Any, make_token: Any, left: float, said: str
) -> None:
    token = make_token({"exp": int(time.time() + left)})
    found = await findings(opened, token=Secret(token))
    level, text = found[0]
    assert level == "warning"
    assert said in text
    assert token not in text


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "is empty"),
        ("Bearer ", "is not a JWT"),
        ("plain-api-key", "it has 1 of 3 parts"),
        ("a.b", "it has 2 of 3 parts"),
        ("§.b.c", "its header cannot be read"),
        ("!!!!.e30.c2ln", "its header cannot be read"),
        ("W10.e30.c2ln", "its header cannot be read"),
        ("e30.bm90IGpzb24.c2ln", "its payload cannot be read"),
        ("e30.e30.", "its signature cannot be read"),
        ("e30.e30.c2l*", "its signature cannot be read"),
        ("e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln", "expired on 2023-11-14 22:13 UTC"),
    ],
)
async def test_other_tokens_are_refused_before_the_first_call_and_never_shown(
    opened: Any, token: str, said: str
) -> None:
    async with opened(token=Secret(token)) as shop:
        with pytest.raises(ConfigError, match=said) as raised:
            await shop.source.check()
        # whoever does not check first is held up all the same
        with pytest.raises(ConfigError, match=said):
            await shop.source.fetch(Kind.TEST_CASE, None)
        assert not shop.tenant.asked
    assert not token.strip() or token not in str(raised.value)


async def test_a_refused_token_is_said(answers: Any, opened: Any, answer_of: Any) -> None:
    answers["projects/SHOP"] = Reply(401, answer_of("error-401"))
    advice = r"signature could not be verified.*\. Zephyr refused the token\. In Jira, open"
    with pytest.raises(AccessError, match=advice):
        await findings(opened)


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_project_that_is_not_there(answers: Any, opened: Any, status: int) -> None:
    answers["projects/SHOP"] = Reply(status, {"errorCode": status, "message": "No"})
    with pytest.raises(ConfigError, match=r"there is no project 'SHOP'.*region"):
        await findings(opened)


async def test_a_disabled_project(answers: Any, opened: Any) -> None:
    answers["projects/SHOP"]["enabled"] = False
    with pytest.raises(ConfigError, match="project SHOP is not enabled"):
        await findings(opened)


async def test_a_project_with_another_key(answers: Any, opened: Any) -> None:
    answers["projects/SHOP"]["key"] = "STORE"
    with pytest.raises(ConfigError, match="write project = 'STORE'"):
        await findings(opened)


async def test_a_list_that_may_not_be_read(answers: Any, opened: Any) -> None:
    answers["testexecutions"] = Reply(403, {"errorCode": 403, "message": "No permission"})
    with pytest.raises(AccessError, match="testexecutions answered 403"):
        await findings(opened)


WEBSITE = Reply(content=b"<html>Welcome</html>", content_type="text/html")


@pytest.mark.parametrize(
    "answer",
    [
        Reply(403, {"message": "Forbidden"}),
        Reply(404, content=b"<html>Not found</html>", content_type="text/html"),
        Reply(302, headers={"Location": "https://login.example.com/"}),
        {"values": None},
    ],
)
async def test_an_address_with_a_wrong_path(answers: Any, opened: Any, answer: Any) -> None:
    answers.clear()
    answers["projects/SHOP"] = answer
    answers["projects"] = answer
    with pytest.raises(ConfigError, match=r"nothing at http.* answers as Zephyr's API"):
        await findings(opened)


async def test_a_website_is_no_address(answers: Any, opened: Any) -> None:
    answers["projects/SHOP"] = answers["projects"] = WEBSITE
    with pytest.raises(ConfigError, match=r"nothing at http.* answers as Zephyr's API"):
        await findings(opened)


def config(**settings: Any) -> ZephyrConfig:
    return ZephyrConfig(**{"project": "SHOP", "token": Secret("x"), **settings})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"attachments": ("test_case", "folder")}, "there are no files of 'folder'"),
        ({"page_size": 0}, "not between 1 and 1000"),
        ({"page_size": 1001}, "not between 1 and 1000"),
    ],
)
async def test_settings_that_cannot_be_used(settings: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        async with open_zephyr(config(**settings), lent()):
            raise AssertionError


def test_a_slash_at_the_end_of_the_address_does_no_harm() -> None:
    assert config(base_url="https://api.example.com/v2/").base_url == "https://api.example.com/v2"
    assert config().base_url == "https://api.zephyrscale.smartbear.com/v2"
    assert "x" not in repr(config().token)


def test_the_plugin_declares_zephyr() -> None:
    (declared,) = ztoq_sources()
    assert (declared.name, declared.config, declared.open) == ("zephyr", ZephyrConfig, open_zephyr)


async def test_a_key_in_lower_case_is_answered_with_its_name(answers: Any, opened: Any) -> None:
    answers["projects/shop"] = Reply(404, {"errorCode": 404, "message": "No such project"})
    async with opened(project="shop") as shop:
        with pytest.raises(ConfigError, match="did you mean 'SHOP'"):
            await shop.source.check()
