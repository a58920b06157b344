"""Serves the few reading endpoints of Jira Cloud that name what Zephyr only numbers.

They lie beside Zephyr's own under ``/jira``, with a credential of their own. Shapes: Jira Cloud
platform REST API v2, the parts that ztoq's source reads.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

from ztoq_testkit.simulate import Handler, Refusal, Reply, Request, Route

from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.jira import Component, Person, Version
from ztoq_demo.zephyr.model import Project
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.tenant import Tenant

PREFIX = "/jira"
API = f"{PREFIX}/rest/api/2"
GONE = {
    "issue": "Issue does not exist or you do not have permission to see it.",
    "user": "User does not exist or you do not have permission to view it.",
    "component": "The component with id {} does not exist.",
    "version": "Could not find version for id '{}'",
    "project": "No project could be found with key '{}'.",
}

Json = dict[str, Any]


class JiraSite:
    """The Jira site of a tenant; ``options`` hold its credential and whom it refuses.

    ``files`` are the attachments of its issues by id.
    """

    def __init__(self, tenant: Tenant, options: Options) -> None:
        self.tenant = tenant
        self.options = options
        self.files: dict[int, File] = {}

    def routes(self) -> Iterator[Route]:
        """Yield the table."""
        yield Route("GET", f"{API}/issue/{{id}}", self._issue)
        yield Route("GET", f"{API}/user", self._user)
        yield Route("GET", f"{API}/component/{{id}}", self._one("component", self._components))
        yield Route("GET", f"{API}/version/{{id}}", self._one("version", self._versions))
        yield Route("GET", f"{API}/project/{{key}}/components", self._list(self._components))
        yield Route("GET", f"{API}/project/{{key}}/versions", self._list(self._versions))
        yield Route("GET", f"{PREFIX}/rest/api/3/attachment/content/{{id}}", self._file)
        yield Route("GET", f"{PREFIX}/secure/attachment/{{id}}/{{name}}", self._file)
        yield Route("GET", f"{API}/myself", self._myself)
        yield Route("GET", f"{API}/serverInfo", self._server)

    def authorise(self, request: Request) -> None:
        """Accept the user's name and API token (Basic), or the token alone (Bearer).

        Raises:
            Refusal: 401.
        """
        pair = f"{self.options.jira_email}:{self.options.jira_token}".encode()
        given = request.headers.get("Authorization", "").encode()
        accepted = (b"Basic " + b64encode(pair), f"Bearer {self.options.jira_token}".encode())
        if not any(hmac.compare_digest(given, each) for each in accepted):
            raise refusal(401, "Client must be authenticated to access this resource.")

    # ------------------------------------------------------------------------------- handlers

    def _issue(self, request: Request) -> Reply:
        row = self.tenant.issues.find(request.params["id"])
        self._allow(request.params["id"])
        if row is None:
            raise gone("issue", "")
        issue = row.item
        body: Json = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog",
            "id": str(issue.id),
            "self": f"{request.origin}{API}/issue/{issue.id}",
            "key": issue.key,
        }
        fields: Json = {
            "summary": issue.summary,
            "issuetype": {"name": issue.type, "subtask": False},
            "project": {"id": str(row.project.jira_id), "key": row.project.key},
        }
        wanted = request.query.get("fields")
        if wanted is not None:
            fields = {name: fields[name] for name in wanted.split(",") if name in fields}
        return Reply(body=body | {"fields": fields})

    def _user(self, request: Request) -> Reply:
        account = request.query.get("accountId", "")
        if not account:
            raise refusal(400, "Specify one of accountId or query to find users.")
        self._allow(account)
        for project in self.tenant.projects:
            for person in project.people:
                if person.account_id == account:
                    return Reply(body=_person(person, request))
        raise gone("user", account)

    def _file(self, request: Request) -> Reply:
        number = request.params["id"]
        file = self.files.get(int(number)) if number.isdigit() else None
        if file is None:
            raise refusal(404, f"The attachment with id '{number}' does not exist")
        return Reply(content=file.content(), content_type="image/png")

    def _myself(self, request: Request) -> Reply:
        me = Person(
            account_id="712020:reader", name="Migration reader", email=self.options.jira_email
        )
        return Reply(body=_person(me, request))

    def _server(self, request: Request) -> Reply:
        return Reply(
            body={
                "baseUrl": f"{request.origin}{PREFIX}",
                "version": "1001.0.0-SNAPSHOT",
                "deploymentType": "Cloud",
            }
        )

    def _one(self, word: str, bodies: Callable[[Project, Request], list[Json]]) -> Handler:
        def handle(request: Request) -> Reply:
            id_ = request.params["id"]
            self._allow(id_)
            for project in self.tenant.projects:
                for body in bodies(project, request):
                    if body["id"] == id_:
                        return Reply(body=body)
            raise gone(word, id_)

        return handle

    def _list(self, bodies: Callable[[Project, Request], list[Json]]) -> Handler:
        def handle(request: Request) -> Reply:
            key = request.params["key"]
            for project in self.tenant.projects:
                if project.key == key:
                    return Reply(body=bodies(project, request))
            raise gone("project", key)

        return handle

    def _components(self, project: Project, request: Request) -> list[Json]:
        return [_component(each, project, request) for each in project.components]

    def _versions(self, project: Project, request: Request) -> list[Json]:
        return [_version(each, project, request) for each in project.versions]

    def _allow(self, id_: str) -> None:
        if id_ in self.options.jira_forbids:
            raise refusal(403, "You do not have the permission to see the specified object.")


def refusal(status: int, message: str) -> Refusal:
    """Return an error in Jira's own shape."""
    return Refusal(status, {"errorMessages": [message], "errors": {}})


def gone(word: str, id_: str) -> Refusal:
    """Return the 404 of an object that is not there."""
    return refusal(404, GONE[word].format(id_))


def _person(person: Person, request: Request) -> Json:
    body: Json = {
        "self": f"{request.origin}{API}/user?accountId={person.account_id}",
        "accountId": person.account_id,
        "accountType": "atlassian",
        "displayName": person.name,
        "active": person.active,
        "timeZone": "Europe/Berlin",
    }
    # hidden by the person's profile settings: left out
    return body | {"emailAddress": person.email} if person.email else body


def _component(component: Component, project: Project, request: Request) -> Json:
    return {
        "self": f"{request.origin}{API}/component/{component.id}",
        "id": str(component.id),
        "name": component.name,
        "description": component.description,
        "project": project.key,
        "projectId": project.jira_id,
    }


def _version(version: Version, project: Project, request: Request) -> Json:
    body: Json = {
        "self": f"{request.origin}{API}/version/{version.id}",
        "id": str(version.id),
        "name": version.name,
        "archived": False,
        "released": version.released,
        "projectId": project.jira_id,
    }
    dates = {"startDate": version.start_date, "releaseDate": version.release_date}
    return body | {name: date for name, date in dates.items() if date}
