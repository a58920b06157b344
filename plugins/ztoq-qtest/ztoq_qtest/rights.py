"""The rights that ztoq needs in qTest, and what people in the project notice of a load.

By the vendor's document (``UserProfile``) and the project's settings pages; what qTest sends to
others (webhooks, Pulse, mail) is set up by its administrators and cannot be read by the API.
"""

from __future__ import annotations

from ztoq_core.plugin import Right

STOPS = "the run stops before the first write"

RIGHTS = (
    Right(("load", "validate"), "view, create, edit modules, requirements, test cases", STOPS),
    Right(
        ("load",),
        'approve test cases (not with approve = "none")',
        f"{STOPS}: runs and logs refer to approved versions",
    ),
    Right(
        ("load", "validate"),
        "view, create releases, test cycles, test suites, test runs; execute test runs",
        STOPS,
    ),
    Right(
        ("load",),
        "edit their own test logs",
        "defects that qTest did not link are named in no note",
    ),
    Right(
        ("config fields", "load"),
        "manage field settings (project administrator)",
        "fields cannot be listed: fields_file or --accept-missing-fields is needed",
    ),
    Right(
        ("load",),
        "manage project settings (with create_fields = true)",
        "missing fields are listed for an administrator, not created",
    ),
    Right(
        ("rollback", "migrate --prune"),
        "delete modules, requirements, test cases, releases, test cycles, suites and runs",
        "what was created stays",
    ),
)

SIDE_EFFECTS = (
    "Webhooks and Pulse rules run for each object that is created or changed: pause them.",
    "Where the project sends mail, people may get it for what is assigned to them.",
    "Defects are linked in logs; a connected Jira may show that in its issues.",
    "Approving a test case makes a version; the history shows the token's user.",
)
