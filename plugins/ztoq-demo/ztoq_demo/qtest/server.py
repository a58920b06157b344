"""The simulator: the tables of all parts, served by the kit behind tokens and budgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL
from ztoq_testkit.simulate import Faults, Refusal, Reply, Request, Route, Server

from ztoq_demo.qtest import (
    accounts,
    automation,
    cases,
    comments,
    design_tree,
    execution,
    files,
    links,
    logs,
    runs,
    search,
    settings,
)
from ztoq_demo.qtest.access import Access, Budget
from ztoq_demo.qtest.dump import dump
from ztoq_demo.qtest.objects import Attachment, Project, User
from ztoq_demo.qtest.options import Options
from ztoq_demo.qtest.site import Call, Handler, Site
from ztoq_demo.qtest.state import State

PARTS = (
    accounts,
    settings,
    design_tree,
    cases,
    logs,
    automation,
    execution,
    runs,
    search,
    comments,
    files,
    links,
)


class Simulator:
    """A simulated qTest site. It may be stopped and served again: what stands in it stays.

    ``state.objects`` maps the types (``test-cases``) to objects by id. ``by_hand`` does what
    another person does in the project. ``recorder`` is told of each request and its answer.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        latency: float = 0.0,
        faults: Faults | None = None,
        recorder: Callable[[Request, Reply], None] | None = None,
    ) -> None:
        self.options = options or Options()
        self.site = Site(self.options)
        self.access = Access(self.options)
        self.budget = Budget(self.options)
        self.stranger = self.site.add_user("Sam", "Stranger", "sam@example.com")
        self._handlers: dict[tuple[str, str], Handler] = {}
        self.server = Server(
            self._routes(),
            name="qTest",
            latency=latency,
            faults=faults,
            recorder=recorder,
            on_missing=self._guarded(_no_such_path),
        )

    @property
    def state(self) -> State:
        """What stands in the site."""
        return self.site.state

    @property
    def project(self) -> Project:
        """The project that is meant to be filled."""
        return self.state.projects[self.options.project]

    @property
    def user(self) -> User:
        """Whose token is used."""
        return self.site.user

    @property
    def calls(self) -> Counter[tuple[str, str]]:
        """Requests by method and route."""
        return self.server.calls

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on loopback, and yield the base URL; port 0 takes a free one."""
        async with self.server.serving(port) as base_url:
            yield base_url

    def dump(self) -> dict[str, Any]:
        """Return everything that stands in the project as plain JSON."""
        return dump(self.site, self.options.project)

    def stats(self) -> dict[str, Any]:
        """Return the calls by route, the tokens still good, and what failed in the simulator."""
        return {
            "calls": {f"{method} {route}": n for (method, route), n in self.calls.items()},
            "open_sessions": self.access.open_sessions,
            "spent": self.budget.spent,
            "errors": list(self.server.errors),
        }

    def by_hand(self, method: str, path: str, body: Any = None) -> Any:
        """Do what another person does in the project, and return the body of the answer.

        ``path`` is below the project, with its query: ``modules?parentId=70001``. The product's
        rules hold; tokens, budgets and faults do not, and nothing is counted.

        Raises:
            Refusal: The product refuses it.
        """
        url = URL(f"http://127.0.0.1/api/v3/projects/{self.options.project}/{path}")
        found = self.server.find(method, url.raw_path)
        if found is None:
            raise Refusal(404, {"message": f"no such path: {method} {path}"})
        route, params = found
        request = Request(
            method=method,
            path=url.path,
            route=route.template,
            params=params,
            query=url.query,
            headers=CIMultiDictProxy(CIMultiDict()),
            origin="http://127.0.0.1",
            body=b"" if body is None else orjson.dumps(body),
        )
        call = Call(self.site, request, self.stranger)
        return self._handlers[method, route.template](call).body

    def attach_by_hand(
        self, kind: str, number: int, name: str, content: bytes, media_type: str
    ) -> Attachment:
        """Attach a file as another person."""
        headers: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
        request = Request(
            method="POST",
            path="",
            route="",
            params={"projectId": str(self.options.project)},
            query=URL().query,
            headers=headers,
            origin="http://127.0.0.1",
        )
        call = Call(self.site, request, self.stranger)
        file = files.Inline(name, media_type, self.site.store.keep([content]))
        return files.attach(call, files.place_of(call, kind, number), file)

    def _routes(self) -> list[Route]:
        routes = [
            Route("POST", "/oauth/token", self._headed(self.access.log_in)),
            Route("GET", "/oauth/status", self._headed(self.access.status)),
            Route("POST", "/oauth/revoke", self._headed(self.access.revoke)),
            Route("GET", "/_simulator/dump", lambda _request: Reply(200, self.dump())),
            Route("GET", "/_simulator/stats", lambda _request: Reply(200, self.stats())),
        ]
        # before the links, whose last segment is a parameter
        method, template, receive = files.STREAMED
        routes.append(Route(method, template, self._streamed(receive), stream=True))
        for part in PARTS:
            for method, template, handler in part.LINES:
                self._handlers[method, template] = handler
                routes.append(Route(method, template, self._guarded(handler)))
        return routes

    def _headed(self, handler: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        """Return a handler whose every answer bears the budgets."""

        def serve(request: Request) -> Reply:
            try:
                self.budget.spend()
                reply = handler(request)
            except Refusal as refusal:
                reply = refusal.reply()
            reply.headers = self._with_budget(reply.headers)
            return reply

        return serve

    def _guarded(self, handler: Handler) -> Callable[[Request], Reply]:
        def serve(request: Request) -> Reply:
            self.access.check(request)
            return handler(Call(self.site, request, self.site.user))

        return self._headed(serve)

    def _streamed(
        self, handler: Callable[[Call], Awaitable[Reply]]
    ) -> Callable[[Request], Awaitable[Reply]]:
        async def serve(request: Request) -> Reply:
            try:
                self.budget.spend()
                self.access.check(request)
                reply = await handler(Call(self.site, request, self.site.user))
            except Refusal as refusal:
                reply = refusal.reply()
            reply.headers = self._with_budget(reply.headers)
            return reply

        return serve

    def _with_budget(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {**headers, **self.budget.headers()}


def _no_such_path(call: Call) -> Reply:
    raise Refusal(404, {"message": f"Object not found: {call.request.path}"})
