"""Asks Jira for the names of ids that Zephyr shows: issues, people, components, versions.

It reads single objects and the two lists of the project: Jira Cloud platform REST API v2
(developer.atlassian.com, "Get issue", "Get user", "Get component", "Get version", "Get project
components", "Get project versions", read in November 2026). Zephyr's own answers have these
addresses, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import attrs

from ztoq_core.plugin import (
    AccessError,
    AnswerError,
    Client,
    ConfigError,
    Finding,
    HeaderAuth,
    IdKind,
    RejectedError,
    ResolvedName,
    RetryableError,
    Services,
    one_error,
)
from ztoq_zephyr.api import path_of
from ztoq_zephyr.config import JiraConfig
from ztoq_zephyr.note_codes import NAME_REFUSED
from ztoq_zephyr.values import instant, mapped, text

API = "rest/api/2"
OK = 200
NOT_KNOWN = (400, 404, 410)
"""Answers for an id that Jira does not know, or hides from this user."""
NOT_SHOWN = (*NOT_KNOWN, 403)
GATEWAY = "api.atlassian.com"
"""The host for tokens with scopes; people open the site at another address."""
ADVICE = "check base_url, email and token in [source.jira]"
WORDS = {
    IdKind.ISSUE: "issues",
    IdKind.PERSON: "people",
    IdKind.COMPONENT: "components",
    IdKind.VERSION: "versions",
}


@asynccontextmanager
async def open_jira(
    config: JiraConfig | None, services: Services, project: str
) -> AsyncIterator[Jira | None]:
    """Yield the Jira site of ``config``, None if it has none; nothing is sent yet."""
    if config is None or not config.base_url or config.token is None:
        yield None
        return
    async with services.client(config, HeaderAuth(config.token, user=config.email)) as client:
        yield Jira(config, services, client, project)


@attrs.frozen
class Jira:
    """One Jira site, read over an open client. ``client`` serves its files as well."""

    config: JiraConfig
    services: Services
    client: Client
    project: str

    @property
    def host(self) -> str:
        """The name of the site's host."""
        return urlsplit(self.config.base_url).hostname or ""

    async def check(self) -> tuple[Finding, ...]:
        """Return a finding with the user that Jira shows for the token.

        Raises:
            AccessError: The credentials are refused.
            ConfigError: What answers is not Jira.
        """
        try:
            status, body = await self._try(f"{API}/myself")
            if status == OK and mapped(body):
                name = text(mapped(body).get("displayName")) or text(mapped(body).get("accountId"))
                return (
                    Finding(level="info", text=f"Jira {self.host}: names are read as {name!r}"),
                )
            # a token with few scopes may not see its own user
            answered, info = await self._try(f"{API}/serverInfo")
        except RejectedError as error:
            raise ConfigError(
                f"Jira: {error}; {self.config.base_url} does not answer as Jira does: base_url"
                " in [source.jira] should be the site, such as https://acme.atlassian.net"
            ) from error
        if answered == OK and mapped(info):
            said = (
                f"Jira {self.host} does not show the user of the token (GET {API}/myself answered"
                f" {status}); people may stay ids"
            )
        else:
            said = (
                f"{self.config.base_url} does not answer as Jira does (GET {API}/myself answered"
                f" {status}, GET {API}/serverInfo {answered}); {ADVICE}"
            )
        return (Finding(level="warning", text=said),)

    async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return the names that Jira has for these ids; it asks for each once.

        Raises:
            AccessError: The credentials are refused.
        """
        found: dict[str, ResolvedName] = {}
        if topic in LISTS and ids:
            found = await self._listed(topic)
        rest = [id_ for id_ in ids if id_ not in found and _askable(topic, id_)]
        with one_error():
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(self._one(topic, id_)) for id_ in rest]
        single = [task.result() for task in asked]
        return (
            *(found[id_] for id_ in ids if id_ in found),
            *(each for each in single if each is not None),
        )

    async def _listed(self, topic: IdKind) -> dict[str, ResolvedName]:
        """Return the project's components or versions by id, read once a run."""
        path = f"{API}/{path_of('project', self.project, LISTS[topic])}"

        async def read() -> dict[str, ResolvedName]:
            try:
                _, body = await self._try(path, read=_objects)
            except RejectedError:
                return {}  # then the objects are asked for one by one
            values = body or ()
            names = (READERS[topic](self, text(value.get("id")), value) for value in values)
            return {each.id: each for each in names if each is not None}

        return await self.services.once(f"jira {path}", read)

    async def _one(self, topic: IdKind, id_: str) -> ResolvedName | None:
        path, params = _place(topic, id_)
        try:
            status, body = await self._try(path, params, read=_object)
        except RejectedError as error:
            status, body = error.status, None
        if body is not None:
            named: ResolvedName | None = READERS[topic](self, id_, body)
            return named
        if status not in NOT_KNOWN:
            self.services.note(
                NAME_REFUSED,
                f"Jira answers {status} when it is asked for some {WORDS[topic]}; they keep their"
                " ids until a later extraction may read them",
            )
        return None

    async def _try(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        read: Callable[[Any], Any] | None = None,
    ) -> tuple[int | None, Any]:
        """Return status and body of a GET, no body if Jira does not show the object.

        Raises:
            AccessError: The credentials are refused.
            RejectedError: It is refused for a reason that is not about the object.
            RetryableError: Jira does not answer.
        """
        try:
            answer = await self.client.request(
                "GET", path, params=params, accept=NOT_SHOWN, read=read
            )
        except AccessError as error:
            raise AccessError(f"Jira: {error}; {ADVICE}", status=error.status) from error
        except RetryableError as error:
            said = f"Jira: {error}. To go on without its names, remove [source.jira]"
            raise RetryableError(said, status=error.status) from error
        return answer.status, answer.body if answer.status == OK else None

    # --------------------------------------------------------------------------------- reading

    def issue(self, id_: str, value: Mapping[str, Any]) -> ResolvedName | None:
        """Return an issue with the id that was asked for, which it keeps when it is moved."""
        key = text(value.get("key"))
        if not key:
            return None
        return ResolvedName(
            topic=IdKind.ISSUE,
            id=id_,
            key=key,
            name=text(mapped(value.get("fields")).get("summary")),
            url="" if self.host == GATEWAY else f"{self.config.base_url}/{path_of('browse', key)}",
        )

    def person(self, id_: str, value: Mapping[str, Any]) -> ResolvedName | None:
        """Return a person; their own settings may hide the e-mail address."""
        name = text(value.get("displayName"))
        if not name:
            return None
        return ResolvedName(
            topic=IdKind.PERSON,
            id=id_,
            name=name,
            email=text(value.get("emailAddress")),
            active=value.get("active") is not False,
        )

    def component(self, id_: str, value: Mapping[str, Any]) -> ResolvedName | None:
        """Return a component."""
        name = text(value.get("name"))
        return ResolvedName(topic=IdKind.COMPONENT, id=id_, name=name) if name and id_ else None

    def version(self, id_: str, value: Mapping[str, Any]) -> ResolvedName | None:
        """Return a version with its dates."""
        name = text(value.get("name"))
        if not name or not id_:
            return None
        return ResolvedName(
            topic=IdKind.VERSION,
            id=id_,
            name=name,
            start=instant(value.get("startDate")),
            end=instant(value.get("releaseDate")),
        )


LISTS = {IdKind.COMPONENT: "components", IdKind.VERSION: "versions"}
READERS: Mapping[IdKind, Callable[[Jira, str, Mapping[str, Any]], ResolvedName | None]] = {
    IdKind.ISSUE: Jira.issue,
    IdKind.PERSON: Jira.person,
    IdKind.COMPONENT: Jira.component,
    IdKind.VERSION: Jira.version,
}


def _object(body: Any) -> Mapping[str, Any]:
    """Read an object of Jira, which has at least one of these keys."""
    found = mapped(body)
    if not any(text(found.get(name)) for name in ("id", "key", "accountId", "name")):
        raise AnswerError("an object of Jira was due")
    return found


def _objects(body: Any) -> list[Mapping[str, Any]]:
    if not isinstance(body, list):
        raise AnswerError("a list of objects was due")
    return [mapped(each) for each in body]


def _askable(topic: IdKind, id_: str) -> bool:
    """Whether Jira could know this id: all but those of people are numbers."""
    return bool(id_.strip()) if topic is IdKind.PERSON else id_.isascii() and id_.isdigit()


def _place(topic: IdKind, id_: str) -> tuple[str, Mapping[str, str] | None]:
    if topic is IdKind.ISSUE:
        return f"{API}/{path_of('issue', id_)}", {"fields": "summary"}
    if topic is IdKind.PERSON:
        return f"{API}/user", {"accountId": id_}
    word = "component" if topic is IdKind.COMPONENT else "version"
    return f"{API}/{path_of(word, id_)}", None
