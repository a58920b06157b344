from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict
from ztoq_demo.qtest import Options
from ztoq_demo.qtest.access import Access
from ztoq_testkit.simulate import Refusal, Request

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site

CLIENT = "Basic cXRlc3QtYXBpOg=="  # "qtest-api:"
NO_COLON = "Basic cXRlc3QtYXBp"
PASSWORD = {"grant_type": "password", "username": "u", "password": "p"}


def asking(authorization: str, **query: str) -> Request:
    headers = CIMultiDict({"Authorization": authorization})
    return Request(
        method="POST",
        path="",
        route="",
        params={},
        query=MultiDict(query),
        headers=CIMultiDictProxy(headers),
        origin="",
    )


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic abc", "token"])
async def test_no_good_token_is_401(site: Site, header: str) -> None:
    status, body = await site.ask("GET", "/api/v3/projects", headers={"Authorization": header})
    assert (status, "message" in body) == (401, True)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Bearer Bearer"])
async def test_the_scheme_may_be_written_in_any_case_and_twice(site: Site, scheme: str) -> None:
    header = {"Authorization": f"{scheme} {site.simulator.options.token}"}
    status, _ = await site.ask("GET", "/api/v3/projects", headers=header)
    assert status == 200


async def test_a_static_token_never_expires(site: Site) -> None:
    assert (await site.get("/oauth/status"))["expiration"] == 0


async def test_a_login_needs_name_and_empty_password_of_the_client(served: Opener) -> None:
    async with served(username="u", password="p") as site:
        for header in ("", "Basic", NO_COLON, "Basic %%%"):
            asked = {"data": PASSWORD, "headers": {"Authorization": header}}
            status, _ = await site.ask("POST", "/oauth/token", **asked)
            assert status == 401


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD | {"password": "q"},
        {"grant_type": "magic"},
        {},
        {"grant_type": "refresh_token", "refresh_token": "no"},
    ],
)
async def test_a_wrong_login_is_400(served: Opener, form: dict[str, str]) -> None:
    async with served(username="u", password="p") as site:
        headers = {"Authorization": CLIENT}
        status, body = await site.ask("POST", "/oauth/token", data=form, headers=headers)
        assert (status, "message" in body) == (400, True)


async def test_there_is_no_login_where_none_is_configured(site: Site) -> None:
    form = {"grant_type": "password", "username": "", "password": ""}
    status, _ = await site.ask("POST", "/oauth/token", data=form, headers={"Authorization": CLIENT})
    assert status == 400


@pytest.mark.parametrize("place", ["data", "params"])
async def test_login_refresh_and_revocation(served: Opener, place: str) -> None:
    now = [0.0]
    async with served(username="u", password="p", token_life=60) as site:
        site.simulator.access.clock = lambda: now[0]
        headers = {"Authorization": CLIENT}
        asked: dict[str, Any] = {place: PASSWORD, "headers": headers}
        _, first = await site.ask("POST", "/oauth/token", **asked)
        bearer = {"headers": {"Authorization": f"bearer {first['access_token']}"}}
        assert (await site.ask("GET", "/api/v3/projects", **bearer))[0] == 200
        assert (await site.ask("GET", "/oauth/status", **bearer))[1]["expiration"] > 0
        now[0] = 60.0
        assert (await site.ask("GET", "/api/v3/projects", **bearer))[0] == 401
        refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        _, second = await site.ask("POST", "/oauth/token", **{place: refresh, "headers": headers})
        # a used refresh token is spent
        status, _ = await site.ask("POST", "/oauth/token", **{place: refresh, "headers": headers})
        assert status == 400
        bearer = {"headers": {"Authorization": f"Bearer {second['access_token']}"}}
        assert site.simulator.access.open_sessions == 1
        assert (await site.ask("POST", "/oauth/revoke", **bearer))[0] == 200
        assert (await site.ask("GET", "/api/v3/projects", **bearer))[0] == 401
        assert site.simulator.access.open_sessions == 0


def test_a_token_ends_when_its_life_is_over() -> None:
    now = [0.0]
    options = Options(username="u", password="p", token_life=10)
    access = Access(options, clock=lambda: now[0])
    body = access.log_in(asking(CLIENT, **PASSWORD)).body
    now[0] = 9.9
    access.check(asking(f"Bearer {body['access_token']}"))
    now[0] = 10.0
    with pytest.raises(Refusal):
        access.check(asking(f"Bearer {body['access_token']}"))


async def test_projects_people_and_rights(site: Site) -> None:
    projects = await site.get("/api/v3/projects")
    assert projects[0]["id"] == 4242
    assert site.headers["X-Item-Total"] == "2"
    assert len(await site.get("/api/v3/projects?page=1&pageSize=1")) == 1
    assert (await site.get("/api/v3/projects/4242"))["automation"] is False
    everybody, active = await site.get("users"), await site.get("users?inactive=false")
    assert len(everybody) == len(active) + 1
    assert (await site.get("user-profiles/current"))["project_setting"] == {"manage": True}
    assert (await site.get("/api/v3/re-evaluation"))["user_name"] == "quinn@example.com"
    assert (await site.get("/api/v3/admin-profiles/current"))["site_level_field"] is True


async def test_an_unknown_project_or_path_is_404(site: Site) -> None:
    await site.refused(404, "GET", "/api/v3/projects/5")
    await site.refused(404, "GET", "/api/v3/projects/x")
    await site.refused(404, "GET", "/api/v3/nothing")
    await site.refused(404, "GET", "//api/v3/projects")


async def test_every_answer_bears_the_budgets_and_429_ends_them(served: Opener) -> None:
    async with served(minute_budget=3, month_budget=100) as site:
        await site.get("/api/v3/projects")
        assert site.headers["x-ratelimit-remaining-minute"] == "2"
        await site.refused(404, "GET", "nothing")
        assert site.headers["x-ratelimit-remaining-minute"] == "1"
        await site.ask("GET", "/api/v3/projects", headers={"Authorization": "no"})
        assert site.headers["x-ratelimit-remaining-month"] == "97"
        await site.refused(429, "GET", "/api/v3/projects")
        assert 0 < int(site.headers["Retry-After"]) <= 61


async def test_a_spent_month_bears_no_retry_after(served: Opener) -> None:
    async with served(month_budget=1) as site:
        await site.get("/api/v3/projects")
        await site.refused(429, "GET", "/api/v3/projects")
        assert "Retry-After" not in site.headers


async def test_a_body_that_is_no_json_is_400(site: Site) -> None:
    for body in ("{", "[]", "7"):
        status, answer = await site.ask("POST", "modules", data=body)
        assert (status, "message" in answer) == (400, True)
