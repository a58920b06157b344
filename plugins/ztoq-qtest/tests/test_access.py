"""Credentials, and what the check says before anything is written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ztoq_demo.qtest import Options, Simulator
from ztoq_qtest import QtestConfig, open_qtest
from ztoq_qtest.api.auth import PasswordGrant
from ztoq_testkit import lent

from ztoq_core.plugin import AccessError, ConfigError, Kind, Secret
from ztoq_core.settings.secrets import Reference

LOGIN: dict[str, Any] = {"username": "quinn", "password": Secret("open sesame")}


def site(**more: Any) -> Options:
    return Options(username="quinn", password="open sesame", **more)


@pytest.mark.parametrize("word", ["", "Bearer ", "bearer "])
async def test_a_token_may_be_pasted_with_its_word(opened: Any, word: str) -> None:
    options = Options()
    world = await opened(options, token=Secret(word + options.token))
    assert [finding.level for finding in await world.sink.check()] == ["info"]


async def test_the_check_writes_nothing(opened: Any) -> None:
    world = await opened()
    await world.sink.check()
    await world.sink.describe()
    assert {method for method, _ in world.simulator.calls} == {"GET"}


async def test_a_wrong_token_is_refused(opened: Any) -> None:
    world = await opened(token=Secret("nonsense"))
    with pytest.raises(AccessError):
        await world.sink.check()


async def test_a_wrong_password_is_refused_and_not_shown(opened: Any) -> None:
    world = await opened(site(), username="quinn", password=Secret("close sesame"))
    with pytest.raises(AccessError, match="single sign-on") as caught:
        await world.sink.check()
    assert "sesame" not in str(caught.value)


async def test_a_user_name_in_the_environment_signs_in(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QTEST_USER", "quinn")
    user = Reference(place="env", name="QTEST_USER")
    world = await opened(site(), username=user, password=LOGIN["password"])
    await world.sink.check()
    assert world.simulator.calls["POST", "/oauth/token"] == 1


async def test_one_renewal_serves_all_that_wait(opened: Any) -> None:
    world = await opened(site(), **LOGIN)
    await world.sink.check()
    world.simulator.access.given.clear()
    sink = world.sink
    before = world.simulator.calls["POST", "/oauth/token"]
    await asyncio.gather(*(sink.marks(Kind.FOLDER, (), None) for _ in range(10)))
    assert world.simulator.calls["POST", "/oauth/token"] == before + 1


async def test_a_login_lost_with_its_refresh_token_is_made_anew(opened: Any) -> None:
    world = await opened(site(), **LOGIN)
    await world.sink.check()
    world.simulator.access.given.clear()
    world.simulator.access.refreshable.clear()
    await world.sink.marks(Kind.FOLDER, (), None)
    assert world.simulator.calls["POST", "/oauth/token"] == 3


async def test_tokens_are_renewed_before_they_end() -> None:
    clock = [0.0]
    simulator = Simulator(site(token_life=400.0))
    simulator.access.clock = lambda: clock[0]
    async with simulator.serving() as base_url:
        config = QtestConfig(base_url=base_url, project=4242, **LOGIN)
        services = lent()
        async with services.client(config) as client:
            grant = PasswordGrant(client, config, clock=lambda: clock[0])

            async def token_at(seconds: float) -> str:
                clock[0] = seconds
                return (await grant.headers())["Authorization"]

            seen = [await token_at(each) for each in (0.0, 330.0, 341.0, 600.0, 1000.0)]
            assert [seen.index(each) for each in seen] == [0, 0, 2, 2, 4]
            await grant.revoke(services)
    assert simulator.access.open_sessions == 0
    assert [line[3] for line in simulator.server.log if line[3] != 200] == []


async def test_what_was_obtained_is_revoked() -> None:
    simulator = Simulator(site())
    async with simulator.serving() as base_url:
        config = QtestConfig(base_url=base_url, project=4242, **LOGIN)
        async with open_qtest(config, lent()) as sink:
            await sink.check()
            assert simulator.access.open_sessions == 1
        assert simulator.access.open_sessions == 0


async def test_an_unknown_project_names_those_that_are_open(opened: Any) -> None:
    world = await opened(project=99)
    with pytest.raises(ConfigError, match=r"project 99 does not exist .*4242 'Demo'"):
        await world.sink.check()


async def test_a_base_url_with_a_path_names_itself(opened: Any) -> None:
    probe = await opened()
    world = await opened(base_url=probe.base_url + "/wrong")
    with pytest.raises(ConfigError, match="/wrong"):
        await world.sink.check()


async def test_a_trailing_slash_does_no_harm(opened: Any) -> None:
    probe = await opened()
    world = await opened(base_url=probe.base_url + "/")
    assert await world.sink.check()


async def test_fields_that_may_not_be_listed_are_an_error_of_the_check(opened: Any) -> None:
    world = await opened(Options(fields_forbidden=True))
    levels = {finding.level: finding.text for finding in await world.sink.check()}
    assert "--accept-missing-fields" in levels["error"]
    schema = await world.sink.describe()
    assert (schema.fields_known, schema.can_create_fields, schema.fields) == (False, False, ())
    # so that its administrator is asked for the mark, and not for what every project has
    assert Kind.TEST_CASE in schema.mark_kinds
    assert (Kind.TEST_CYCLE, "Planned Start Date") in schema.assumed_fields


async def test_the_schema_says_what_the_project_offers(opened: Any) -> None:
    world = await opened()
    schema = await world.sink.describe()
    priority = schema.field(Kind.TEST_CASE, "Priority")
    assert priority is not None
    assert priority.values == ("Undecided", "Low", "Medium", "High", "Urgent")
    assert schema.statuses == ("Passed", "Failed", "Incomplete", "Blocked", "Unexecuted")
    assert {user.name for user in schema.users} >= {"Alice Tester", "Bob Builder"}
    assert "Carol Gone" not in {user.name for user in schema.users}
    assert schema.finish_kinds == {Kind.FIELD, Kind.TEST_CASE, Kind.TEST_LOG}
    assert Kind.TEST_PLAN in schema.attachable
    assert Kind.TEST_CYCLE not in schema.attachable
    assert schema.can_create_fields
    assert not [spec for spec in schema.fields if spec.required and not spec.default]


async def test_a_required_field_without_default_is_told(opened: Any) -> None:
    world = await opened(Options(required_fields={"test-cases": ("Automation Content",)}))
    spec = (await world.sink.describe()).field(Kind.TEST_CASE, "Automation Content")
    assert spec is not None
    assert spec.required
    assert not spec.default


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"base_url": "acme.qtestnet.com"}, "base_url"),
        ({"project": 0}, "project"),
        ({"token": None}, "either token"),
        ({"username": "quinn"}, "go together"),
        ({"username": "quinn", "password": Secret("x")}, "either token"),
        ({"approve": "some"}, "needed, all, none"),
        ({"plans": "suite"}, "release, cycle"),
        ({"cycle_files": "run"}, "case, release, store"),
        ({"key_field": " "}, "key_field"),
        ({"search_lag": -1.0}, "search_lag"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], said: str) -> None:
    good = {"base_url": "https://acme.qtestnet.com", "project": 1, "token": Secret("t")}
    with pytest.raises(ValueError, match=said):
        QtestConfig(**{**good, **wrong})
