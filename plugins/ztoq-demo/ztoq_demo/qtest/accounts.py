"""Projects, users and permissions."""

from __future__ import annotations

from typing import Any

from ztoq_testkit.simulate import Refusal, Reply

from ztoq_demo.qtest.objects import Project
from ztoq_demo.qtest.site import API, Call, Line
from ztoq_demo.qtest.views import status, user

EDITABLE = (
    "release",
    "build",
    "module",
    "requirement",
    "test_case",
    "test_cycle",
    "test_suite",
    "test_run",
    "defect",
)
BASIC = ("create", "edit", "delete", "view")
MORE = {
    "test_case": ("approve", "edit_assignment", "export", "import"),
    "test_run": ("execute", "edit_assignment", "modify_test_logs_by_self", "export"),
}


def _project(call: Call, project: Project) -> dict[str, Any]:
    return {
        "links": [{"rel": "self", "href": f"{call.origin}/api/v3/projects/{project.id}"}],
        "id": project.id,
        "name": project.name,
        "description": "",
        "status_id": 1,
        "start_date": "2020-01-01T00:00:00+00:00",
        "admins": [call.site.user.email],
        "sample": False,
        "defect_tracking_systems": [],
        "date_format": "yyyy/MM/dd",
        "automation": project.automation,
    }


def projects(call: Call) -> Reply:
    """List projects: all of them where no page is asked for (facts section 10)."""
    everything = list(call.state.projects.values())
    shown = everything
    if {"page", "pageSize"} & set(call.request.query):
        start, end = call.page("pageSize", 100, 999)
        shown = everything[start:end]
    headers = {"X-Item-Total": str(len(everything)), "Link": ""}
    return Reply(200, [_project(call, p) for p in shown], headers=headers)


def project(call: Call) -> Reply:
    return Reply(200, _project(call, call.project()))


def users(call: Call) -> Reply:
    """List users; inactive ones unless ``inactive=false`` (facts section 1)."""
    call.project()
    inactive = call.site.options.inactive_users or call.flag("inactive", default=True)
    people = [u for u in call.state.users.values() if u.active or inactive]
    return Reply(200, [user(u) for u in people])


def profile(call: Call) -> Reply:
    """Return the rights of the user in the project (UserProfile)."""
    administrator = call.site.options.administrator
    rights: dict[str, Any] = {
        kind: dict.fromkeys((*BASIC, *MORE.get(kind, ())), True) for kind in EDITABLE
    }
    rights["test_run"]["modify_test_logs_by_others"] = administrator
    rights["project_setting"] = {"manage": administrator and not call.site.options.fields_forbidden}
    return Reply(200, {"user_id": call.user.id, "project_id": call.project().id} | rights)


def site_profile(call: Call) -> Reply:
    """Return the rights of the user on the site (AdminProfile); 403 for others (guess)."""
    if not call.site.options.administrator or call.site.options.fields_forbidden:
        raise Refusal(403, {"message": "You do not have permission to perform this action"})
    names = ("create_project", "manage_client_user", "site_level_field")
    return Reply(200, {"user_id": call.user.id} | dict.fromkeys(names, True))


def logged_in(call: Call) -> Reply:
    person = call.user
    return Reply(
        200,
        {
            "links": [],
            "id": person.id,
            "user_name": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "client_site": call.origin,
            "timezone_offset": call.site.options.zone.tzname(None).removeprefix("UTC"),
            "access_admin_page": call.site.options.administrator,
        },
    )


def statuses(call: Call) -> Reply:
    call.project()
    return Reply(200, [status(s) for s in call.state.statuses.values()])


LINES: tuple[Line, ...] = (
    ("GET", "/api/v3/projects", projects),
    ("GET", API, project),
    ("GET", API + "/users", users),
    ("GET", API + "/user-profiles/current", profile),
    ("GET", "/api/v3/admin-profiles/current", site_profile),
    ("GET", "/api/v3/re-evaluation", logged_in),
    ("GET", API + "/test-runs/execution-statuses", statuses),
)
