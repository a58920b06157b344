"""Names come from Jira over HTTP: each id asked for once, refusals survived, credentials kept."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.shop import KEY, PEOPLE
from ztoq_demo.zephyr.simulator import Simulator
from ztoq_testkit import Notes, lent
from ztoq_testkit.simulate import Fault, Faults, Reply, Request, Server
from ztoq_zephyr.config import JiraConfig, ZephyrConfig
from ztoq_zephyr.plugin import open_zephyr

from ztoq_core.plugin import (
    AccessError,
    ConfigError,
    Directory,
    IdKind,
    Note,
    Ref,
    ResolvedName,
    RetryableError,
    Secret,
    Source,
)

ANNA, BEN, CARLA = (person.account_id for person in PEOPLE)
ISSUE = "/jira/rest/api/2/issue/{id}"
USER = "/jira/rest/api/2/user"


@attrs.define
class Site:
    """A source on the simulated tenant, and what it noted."""

    source: Source
    simulator: Simulator
    notes: list[tuple[Note, Ref | None]]

    async def names(self, topic: IdKind, *ids: str) -> dict[str, ResolvedName]:
        assert isinstance(self.source, Directory)
        at_hand = self.source.at_hand(topic, ids)
        return {each.id: each for each in (*at_hand, *await self.source.look_up(topic, ids))}

    def asked(self) -> dict[str, int]:
        """Return how often each path of Jira was asked for."""
        calls = self.simulator.server.calls
        return {path: n for (method, path), n in calls.items() if path.startswith("/jira")}


@asynccontextmanager
async def site(
    options: Options | None = None, outage: float = 2, **jira: Any
) -> AsyncIterator[Site]:
    simulator = Simulator(shop(), options)
    notes = Notes()
    async with simulator.serving() as base_url:
        table = {**simulator.jira_table(base_url), **jira}
        config = ZephyrConfig(
            base_url=base_url,
            project=KEY,
            token=Secret(simulator.token()),
            jira=JiraConfig(**table),
        )
        async with open_zephyr(config, lent(notes, outage=outage)) as source:
            yield Site(source, simulator, notes.kept)
    assert not simulator.server.errors
    assert not simulator.writes


async def test_issues_have_keys_and_summaries() -> None:
    async with site() as shown:
        found = await shown.names(IdKind.ISSUE, "20101", "20201", "99999")
        base = shown.simulator.jira_table("")["base_url"]
        assert base == "/jira"
        assert {id_: (each.key, each.name) for id_, each in found.items()} == {
            "20101": ("DEMO-101", "Story 101"),
            "20201": ("DEMO-201", "Bug 201"),
        }
        assert found["20101"].url.endswith("/jira/browse/DEMO-101")
        assert shown.asked() == {ISSUE: 3}
        assert not shown.notes


async def test_people_may_hide_their_addresses() -> None:
    async with site() as shown:
        found = await shown.names(IdKind.PERSON, ANNA, BEN, CARLA, "nobody")
        assert {each.name: (each.email, each.active) for each in found.values()} == {
            "Anna Berg": ("anna.berg@shop.example", True),
            "Ben Okafor": ("", True),
            "Carla Ruiz": ("", False),
        }
        assert shown.asked() == {USER: 4}


async def test_the_lists_of_the_project_answer_for_many() -> None:
    async with site() as shown:
        # the project PAY has components of its own, which are in no list of this project
        shown.simulator.tenant.project("PAY").components.append(
            attrs.evolve(shown.simulator.tenant.project(KEY).components[0], id=7, name="Fees")
        )
        components = await shown.names(IdKind.COMPONENT, "10501", "10502", "7", "8", "Checkout")
        versions = await shown.names(IdKind.VERSION, "10100", "10101")
        again = await shown.names(IdKind.VERSION, "10100", "5")
        assert {id_: each.name for id_, each in components.items()} == {
            "10501": "Checkout",
            "10502": "Catalogue",
            "7": "Fees",
        }
        assert [each.name for each in versions.values()] == ["1.4", "1.5"]
        assert f"{versions['10101'].start:%Y-%m-%d}" == "2024-04-01"
        assert f"{versions['10101'].end:%Y-%m-%d}" == "2024-05-02"
        assert versions["10100"].start is None
        assert list(again) == ["10100"]
        assert shown.asked() == {
            "/jira/rest/api/2/project/{key}/components": 1,
            "/jira/rest/api/2/component/{id}": 2,
            "/jira/rest/api/2/project/{key}/versions": 1,
            "/jira/rest/api/2/version/{id}": 1,
        }


async def test_what_may_not_be_seen_stays_unknown_and_is_noted_once() -> None:
    options = Options(jira_forbids=frozenset({"20101", "20102", BEN}))
    async with site(options) as shown:
        issues = await shown.names(IdKind.ISSUE, "20101", "20102", "20103")
        people = await shown.names(IdKind.PERSON, ANNA, BEN)
        assert (list(issues), list(people)) == (["20103"], [ANNA])
        assert [note.code for note, _ in shown.notes] == ["name-refused", "name-refused"]
        assert "403" in shown.notes[0][0].text


@pytest.mark.parametrize("email", ["reader@shop.example", None])
async def test_a_token_works_with_and_without_an_address(email: str | None) -> None:
    async with site(email=email) as shown:
        assert list(await shown.names(IdKind.ISSUE, "20101")) == ["20101"]


async def test_wrong_credentials_stop_before_anything_is_read() -> None:
    async with site(token=Secret("another-token")) as shown:
        with pytest.raises(AccessError, match=r"401.*\[source\.jira\]") as raised:
            await shown.source.check()
        assert "another-token" not in str(raised.value)
        with pytest.raises(AccessError, match=r"401.*\[source\.jira\]"):
            await shown.names(IdKind.ISSUE, "20101", "20102")
        with pytest.raises(AccessError, match=r"401.*\[source\.jira\]"):
            await shown.names(IdKind.COMPONENT, "10501")


async def test_a_check_says_whom_jira_takes_us_for() -> None:
    async with site() as shown:
        findings = await shown.source.check()
        assert findings[-1].text == "Jira 127.0.0.1: names are read as 'Migration reader'"
        assert shown.asked() == {"/jira/rest/api/2/myself": 1}


async def test_each_credential_goes_to_its_own_service() -> None:
    seen: dict[str, set[str]] = {}

    def record(request: Request, _: Reply) -> None:
        name = "jira" if request.path.startswith("/jira") else "zephyr"
        seen.setdefault(name, set()).add(request.headers["Authorization"])

    async with site() as shown:
        shown.simulator.server.recorder = record
        await shown.source.check()
        await shown.names(IdKind.ISSUE, "20101")
        pair = b64encode(b"reader@shop.example:simulated-jira-token").decode()
        assert seen["jira"] == {f"Basic {pair}"}
        assert {each.split()[0] for each in seen["zephyr"]} == {"Bearer"}


# -------------------------------------------------------------------------- other Jira sites


@asynccontextmanager
async def answered(answers: Mapping[str, Any]) -> AsyncIterator[Site]:
    """Open a source whose Jira gives these answers by the path after ``rest/api/2/``."""

    def serve(request: Request) -> Reply:
        answer = answers.get(request.path.removeprefix("/rest/api/2/"), Reply(404, {}))
        answer = answer() if callable(answer) else answer
        return answer if isinstance(answer, Reply) else Reply(body=answer)

    server = Server((), name="jira", on_missing=serve)
    async with server.serving() as origin, site(base_url=f"{origin}/") as shown:
        yield shown


WEBSITE = Reply(content=b"<html>Welcome</html>", content_type="text/html")
ELSEWHERE = Reply(302, headers={"Location": "https://login.example.com/"})


@pytest.mark.parametrize("answer", [WEBSITE, ELSEWHERE])
async def test_something_else_than_jira_is_found_by_the_check(answer: Reply) -> None:
    async with answered({"myself": answer, "serverInfo": answer}) as shown:
        with pytest.raises(
            ConfigError, match=r"not answer as Jira does: base_url in \[source.jira\]"
        ):
            await shown.source.check()


async def test_a_token_that_may_not_see_its_own_user_is_a_warning() -> None:
    info = {"baseUrl": "https://acme.example.com", "version": "1001.0.0"}
    async with answered({"myself": Reply(403, {}), "serverInfo": info}) as shown:
        finding = (await shown.source.check())[-1]
        assert (finding.level, "people may stay ids" in finding.text) == ("warning", True)


async def test_a_site_that_does_not_say_what_it_is_is_a_warning() -> None:
    async with answered({}) as shown:
        finding = (await shown.source.check())[-1]
        assert finding.level == "warning"
        assert "does not answer as Jira does (GET rest/api/2/myself answered 404" in finding.text


async def test_a_redirect_to_another_host_gets_no_credential() -> None:
    asked: list[str] = []

    def serve(request: Request) -> Reply:
        asked.append(request.headers.get("Authorization", ""))
        return Reply(body={"id": "1", "key": "EVIL-1"})

    other = Server((), name="other", on_missing=serve)
    async with other.serving() as origin:
        away = Reply(302, headers={"Location": f"{origin}/issue/1"})
        async with answered({"issue/1": away, "issue/2": {"id": "2", "key": "ACME-2"}}) as shown:
            found = await shown.names(IdKind.ISSUE, "1", "2")
            assert list(found) == ["2"]
            assert "302" in shown.notes[0][0].text
    assert asked == []


@pytest.mark.parametrize(
    ("topic", "path", "answer"),
    [
        (IdKind.ISSUE, "issue/1", {"id": "1"}),
        (IdKind.ISSUE, "issue/1", []),
        (IdKind.PERSON, "user", {"accountId": "1", "displayName": None}),
        (IdKind.COMPONENT, "component/1", {"id": "1", "name": ""}),
        (IdKind.VERSION, "version/1", {"id": "1"}),
        (IdKind.VERSION, "project/DEMO/versions", [{"name": "no id"}, None, {"id": "1"}]),
        (IdKind.ISSUE, "issue/1", Reply(410, {})),
    ],
)
async def test_an_answer_without_a_name_is_none(topic: IdKind, path: str, answer: Any) -> None:
    async with answered({path: answer}) as shown:
        assert await shown.names(topic, "1") == {}


async def test_answers_with_odd_values_are_taken_as_far_as_they_go() -> None:
    person = {"accountId": "a", "displayName": "A", "emailAddress": None, "active": None}
    version = {"id": 1, "name": "1.0", "startDate": "soon", "releaseDate": "2024-05-02"}
    answers = {"user": person, "version/1": version, "issue/3": {"key": "A-3", "fields": None}}
    async with answered(answers) as shown:
        assert (await shown.names(IdKind.PERSON, "a"))["a"].active
        found = (await shown.names(IdKind.VERSION, "1"))["1"]
        assert (found.start, f"{found.end:%d.%m.}") == (None, "02.05.")
        assert (await shown.names(IdKind.ISSUE, "3"))["3"].name == ""


async def test_an_issue_that_jira_cannot_give_does_not_end_the_extraction() -> None:
    broken = Reply(405, {"message": "no"})
    async with answered({"issue/1": broken, "issue/2": {"key": "A-2"}}) as shown:
        assert list(await shown.names(IdKind.ISSUE, "1", "2")) == ["2"]
        assert "405" in shown.notes[0][0].text
    async with answered({"project/DEMO/components": broken}) as shown:
        assert await shown.names(IdKind.COMPONENT, "1") == {}


async def test_a_jira_that_does_not_answer_is_told_with_a_way_on() -> None:
    gone = Server((), name="gone")
    async with gone.serving() as origin:
        pass
    async with site(outage=0.1, base_url=origin) as shown:
        with pytest.raises(RetryableError, match=r"Jira: .* remove \[source.jira\]"):
            await shown.source.check()
        with pytest.raises(RetryableError, match=r"Jira: .* remove \[source.jira\]"):
            await shown.names(IdKind.PERSON, ANNA, BEN)


async def test_a_site_that_stumbles_is_asked_again() -> None:
    async with site() as shown:
        shown.simulator.server.faults = Faults(plan=[Fault.LOST, Fault.ERROR_5XX, Fault.HTML])
        found = await shown.names(IdKind.ISSUE, *(str(20_101 + n) for n in range(12)))
        assert len(found) == 12


@pytest.mark.parametrize("wrong", [[], {}, None, {"message": "We will be back soon"}])
async def test_an_answer_that_is_no_object_is_asked_for_again(wrong: Any) -> None:
    replies = iter([wrong])
    issue = {"id": "1", "key": "A-1"}
    async with answered({"issue/1": lambda: next(replies, issue)}) as shown:
        assert (await shown.names(IdKind.ISSUE, "1"))["1"].key == "A-1"


async def test_the_gateway_for_scoped_tokens_is_no_site_for_people() -> None:
    config = ZephyrConfig(
        project=KEY,
        token=Secret("x"),
        jira=JiraConfig(
            base_url="https://api.atlassian.com/ex/jira/11111111-2222", token=Secret("y")
        ),
    )
    async with open_zephyr(config, lent()) as source:
        jira = source._directory.jira  # type: ignore[attr-defined]  # noqa: SLF001
        named = jira.issue("1", {"key": "ACME-1"})
    assert (named.key, named.url) == ("ACME-1", "")


# ------------------------------------------------------------------- what is configured at all


async def test_without_a_connection_nobody_is_asked_and_the_check_says_so() -> None:
    simulator = Simulator(shop())
    async with simulator.serving() as base_url:
        config = ZephyrConfig(base_url=base_url, project=KEY, token=Secret(simulator.token()))
        async with open_zephyr(config, lent()) as source:
            assert isinstance(source, Directory)
            assert await source.look_up(IdKind.ISSUE, ["20101"]) == ()
            assert "[source.jira]" in source.advice
            assert "[source.jira]" in (await source.check())[-1].text
        assert not any(path.startswith("/jira") for _, path in simulator.server.calls)


async def test_files_win_over_jira_and_are_enough(tmp_path: Path) -> None:
    issues = tmp_path / "issues.csv"
    issues.write_text("id,key\n20101,OWN-1\n", encoding="utf-8")
    async with site(issues=issues) as shown:
        found = await shown.names(IdKind.ISSUE, "20101", "20102")
        assert [each.key for each in found.values()] == ["OWN-1", "DEMO-102"]
        assert shown.asked() == {ISSUE: 1}
        assert "Jira 127.0.0.1 does not know them" in shown.source.advice  # type: ignore[attr-defined]
    async with site(base_url="", token=None, email=None, issues=issues) as shown:
        assert list(await shown.names(IdKind.ISSUE, "20101", "20102")) == ["20101"]
        assert "CSV files" in shown.source.advice  # type: ignore[attr-defined]
        assert len(await shown.source.check()) == 2
        assert shown.asked() == {}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"base_url": "https://jira.example.com"}, "source.jira.token is missing"),
        ({"token": Secret("x")}, "source.jira.base_url is missing"),
        ({"email": "a@example.com", "issues": Path("x.csv")}, "source.jira.base_url is missing"),
        ({}, r"\[source.jira\] is empty"),
        (
            {"issues": Path("missing.csv")},
            "cannot read the CSV file of source.jira.issues 'missing.csv'",
        ),
    ],
)
async def test_settings_that_cannot_be_used(settings: Any, said: str) -> None:
    config = ZephyrConfig(project=KEY, token=Secret("x"), jira=JiraConfig(**settings))
    with pytest.raises(ConfigError, match=said):
        async with open_zephyr(config, lent()):
            raise AssertionError


def test_no_secret_shows() -> None:
    config = JiraConfig(base_url="https://jira.example.com/", token=Secret("hidden"))
    assert config.base_url == "https://jira.example.com"
    assert "hidden" not in repr(config)
