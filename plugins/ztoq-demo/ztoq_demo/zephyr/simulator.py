"""The simulator: a tenant on loopback. Started by the demo, by tests and by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from ztoq_testkit.simulate import Reply, Request, Server

from ztoq_core.plugin import Secret
from ztoq_demo.zephyr.access import authorise, token
from ztoq_demo.zephyr.jira_site import PREFIX, JiraSite
from ztoq_demo.zephyr.model import Project
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.queries import refusal
from ztoq_demo.zephyr.routes import BASE, routes
from ztoq_demo.zephyr.shapes import Shapes
from ztoq_demo.zephyr.tenant import Tenant

READING = ("GET", "HEAD")


class Simulator:
    """Serves projects as Zephyr Scale Cloud does, and beside them the site's Jira under ``/jira``.

    ``tenant`` is the state, which tests may change; ``options`` and ``server`` (faults, latency,
    recorder, counters) may be changed while it serves. Nothing can be written through the API.
    """

    def __init__(self, projects: Sequence[Project], options: Options | None = None) -> None:
        self.options = options or Options()
        self.tenant = Tenant(projects)
        self.jira = JiraSite(self.tenant, self.options)
        self.server = Server(
            (*routes(Shapes(self.tenant, self.options)), *self.jira.routes()),
            name="zephyr",
            authorise=self._authorise,
            on_missing=self._refuse,
        )

    @property
    def writes(self) -> int:
        """How many requests tried to write, whatever they were answered."""
        return sum(n for (method, _), n in self.server.calls.items() if method not in READING)

    def token(self, *, days: float = 365.0) -> str:
        """Return a token that is accepted for so many days, the fixed one where there is one."""
        return self.options.token or token(days=days, now=self.options.clock())

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Serve, and yield the base URL, which ends in ``/v2``; port 0 takes a free one."""
        async with self.server.serving(port) as origin:
            yield f"{origin}{BASE}"

    def jira_table(self, base_url: str) -> dict[str, Any]:
        """Return the table ``[source.jira]`` for the site beside the API at ``base_url``."""
        return {
            "base_url": base_url.removesuffix(BASE) + PREFIX,
            "email": self.options.jira_email,
            "token": Secret(self.options.jira_token),
        }

    def _authorise(self, request: Request) -> None:
        if _is_jira(request):
            self.jira.authorise(request)
        else:
            authorise(request, self.options.token, self.options.clock())

    def _refuse(self, request: Request) -> Reply:
        if _is_jira(request):
            # a path that Jira does not have is no error of its own shape
            return Reply(404, {"message": "null for uri", "status-code": 404})
        # the service says 403 to a wrong path, and to a caller who may not write
        reading = request.method in READING
        raise refusal(403, f"Nothing is at {request.path}" if reading else "You may only read")


def _is_jira(request: Request) -> bool:
    return request.path.startswith(f"{PREFIX}/")
