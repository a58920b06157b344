"""One handler for each shape of answer: lists, single objects, links, files, steps.

Checks come in the order token, path, query, object: the documents do not tell another.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import attrs
from ztoq_testkit.simulate import Handler, Refusal, Reply, Request

from ztoq_demo.zephyr.bodies import Bodies
from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.jira_site import PREFIX
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.pages import by_cursor, offset_page
from ztoq_demo.zephyr.queries import (
    FILTERS,
    PROJECT_KEY,
    Keep,
    boolean,
    matched,
    number,
    refusal,
)
from ztoq_demo.zephyr.tenant import Row, Table, Tenant

# the schemas say of GetTestCaseTestSteps that a page has 100 items
STEPS_A_PAGE = 100
NUMBER = re.compile(r"[0-9]+")
ISSUE_KEY = re.compile(r".+-[0-9]+")
_UNAVAILABLE = 503
# what a sub-resource without a route was once answered with (smartbear-mcp issue 456)
UNROUTED = (
    b"<HTML><BODY><H1>503 ERROR</H1>The Lambda function associated with the CloudFront distribution"
    b" is invalid or doesn't have the required permissions.</BODY></HTML>"
)


@attrs.frozen(kw_only=True)
class Kind:
    """What is special about a kind of object: its rules as data.

    ``pattern`` is the form of its name in paths, ``files_pattern`` that in the lists of its files
    where it differs. ``cursor_filters`` None: it has no cursor list, and no files. ``parts`` gives
    the steps, which have files of their own.
    """

    path: str
    word: str
    table: Callable[[Tenant], Table[Any]]
    body: Callable[[Bodies, Row[Any], bool], dict[str, Any]]
    pattern: re.Pattern[str]
    files_pattern: re.Pattern[str] | None = None
    filters: tuple[str, ...] = ()
    cursor_filters: tuple[str, ...] | None = None
    step_links: bool = False
    links: Callable[[Bodies, Row[Any]], dict[str, Any]] | None = None
    links_unknown: int = 404
    parts: Callable[[Any], Sequence[Any]] | None = None


class Shapes:
    """The handlers; a method that takes a kind returns the handler for it."""

    def __init__(self, tenant: Tenant, options: Options) -> None:
        self.tenant = tenant
        self.options = options

    # ------------------------------------------------------------------------------ any kind

    def listed(self, kind: Kind) -> Handler:
        """Serve a list by offset."""

        def handle(request: Request) -> Reply:
            step_links = kind.step_links and boolean(request, "includeStepLinks")
            keep = self._keep(request, kind.filters)
            rows = [row for row in kind.table(self.tenant).rows if all(test(row) for test in keep)]
            bodies = self._bodies(request)
            return offset_page(
                request, rows, lambda row: kind.body(bodies, row, step_links), self.options
            )

        return handle

    def listed_by_cursor(self, kind: Kind) -> Handler:
        """Serve a list by cursor, where the tenant has it."""

        def handle(request: Request) -> Reply:
            if not self.options.next_gen:
                return self._absent(request)
            step_links = kind.step_links and boolean(request, "includeStepLinks")
            keep = self._keep(request, kind.cursor_filters or ())
            bodies = self._bodies(request)
            return by_cursor(
                request,
                kind.table(self.tenant),
                keep,
                lambda row: kind.body(bodies, row, step_links),
                self.options,
            )

        return handle

    def one(self, kind: Kind) -> Handler:
        """Serve a single object."""

        def handle(request: Request) -> Reply:
            step_links = kind.step_links and boolean(request, "includeStepLinks")
            return Reply(
                body=kind.body(self._bodies(request), self._find(request, kind), step_links)
            )

        return handle

    def links(self, kind: Kind) -> Handler:
        """Serve the links of an object."""

        def handle(request: Request) -> Reply:
            if kind.links is None:
                return self._absent(request)
            row = self._find(request, kind, unknown=kind.links_unknown)
            return Reply(body=kind.links(self._bodies(request), row))

        return handle

    def files(self, kind: Kind) -> Handler:
        """Serve the list of an object's attachments: 404 where it has none."""

        def handle(request: Request) -> Reply:
            if not self.options.attachments:
                return self._absent(request)
            row = self._find(request, kind, pattern=kind.files_pattern)
            files = self._files(request, kind, row)
            if not files:
                raise refusal(404, f"No attachment metadata was found for the {kind.word}")
            return Reply(body=self._bodies(request).files(files))

        return handle

    def content(self, kind: Kind) -> Handler:
        """Serve the bytes of an attachment, as they are."""

        def handle(request: Request) -> Reply:
            if not self.options.attachments:
                return self._absent(request)
            # the schema of a step's file takes ids, too
            pattern = kind.files_pattern if "part" in request.params else None
            row = self._find(request, kind, pattern=pattern)
            wanted = matched(request.params["file"], NUMBER, "attachmentId")
            if not self.options.downloads:
                raise Refusal(401, {"error": "Permission denied"})
            for file in self._files(request, kind, row):
                if str(file.id) == wanted:
                    base = row.project.base
                    headers = {"Content-Length": str(file.length(base))}
                    return Reply(content=_sent(file.chunks(base)), headers=headers)
            raise refusal(404, f"Attachment {wanted} does not exist")

        return handle

    # ----------------------------------------------------------------------- cases, executions

    def steps(self, kind: Kind) -> Handler:
        """Serve a case's steps: 422 where it has a script."""

        def handle(request: Request) -> Reply:
            case = self._find(request, kind).item
            if case.script:
                raise refusal(422, f"{case.key} has a script; use the testscript endpoint")
            bodies = self._bodies(request)
            return offset_page(request, case.steps, bodies.step, self.options, cap=STEPS_A_PAGE)

        return handle

    def script(self, kind: Kind) -> Handler:
        """Serve a case's script: 422 where it has steps."""

        def handle(request: Request) -> Reply:
            case = self._find(request, kind).item
            if not case.script:
                raise refusal(422, f"{case.key} has steps; use the teststeps endpoint")
            script = case.script
            return Reply(body={"id": script.id, "type": script.type, "text": script.text})

        return handle

    def versions(self, kind: Kind) -> Handler:
        """Serve a case's versions, the newest first."""

        def handle(request: Request) -> Reply:
            case = self._find(request, kind).item
            url = f"{self._bodies(request).base}/testcases/{case.key}/versions"
            numbered = list(enumerate(case.version_ids or [case.id], 1))[::-1]
            return offset_page(
                request,
                numbered,
                lambda each: {"id": each[1], "self": f"{url}/{each[0]}"},
                self.options,
            )

        return handle

    def version(self, kind: Kind) -> Handler:
        """Serve a case as one of its versions."""

        def handle(request: Request) -> Reply:
            version = int(matched(request.params["version"], NUMBER, "version"))
            row = self._find(request, kind)
            if not 1 <= version <= max(1, len(row.item.version_ids)):
                raise refusal(404, f"{row.item.key} has no version {version}")
            return Reply(body=self._bodies(request).case_version(row, version))

        return handle

    def results(self, kind: Kind) -> Handler:
        """Serve the steps of an execution."""

        def handle(request: Request) -> Reply:
            row = number(request, "testDataRowNumber", -1, lowest=0)
            results = self._find(request, kind).item.results
            if row >= 0:
                results = [each for each in results if each.row == row]
            return offset_page(request, results, self._bodies(request).result, self.options)

        return handle

    # --------------------------------------------------------------------------- everything else

    def linked(self, kind: Kind) -> Handler:
        """Serve what is linked to a Jira issue; an unknown issue has nothing."""

        def handle(request: Request) -> Reply:
            base = self._bodies(request).base
            rows = self._linked(request, kind.table(self.tenant))
            urls = [(row.item.id, f"{base}/{kind.path}/{row.item.id}") for row in rows]
            return Reply(body=[{"id": id_, "self": url} for id_, url in urls])

        return handle

    def linked_cases(self, request: Request) -> Reply:
        """Serve the cases that are linked to a Jira issue, with their versions."""
        base = self._bodies(request).base
        cases = [row.item for row in self._linked(request, self.tenant.cases)]
        body = [
            {
                "key": case.key,
                "version": (version := max(1, len(case.version_ids))),
                "self": f"{base}/testcases/{case.key}/versions/{version}",
            }
            for case in cases
        ]
        return Reply(body=body if self.options.issue_links_bare else {"testCases": body})

    def features(self, request: Request) -> Reply:
        """Serve the BDD cases of a project as a ZIP file of feature files."""
        key = matched(request.query.get("projectKey", ""), PROJECT_KEY, "projectKey")
        keep = self._keep(request, ("projectKey",))
        cases = [row.item for row in self.tenant.cases.rows if all(test(row) for test in keep)]
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for case in cases:
                if case.script and case.script.type == "bdd":
                    text = f"Feature: {key}\n\n@TestCaseKey={case.key}\nScenario: {case.name}\n"
                    archive.writestr(f"{case.key}.feature", text + case.script.text)
        return Reply(content=content.getvalue(), content_type="application/zip")

    def healthcheck(self, _: Request) -> Reply:
        """Say that the service is there."""
        return Reply(200)

    # --------------------------------------------------------------------------------- shared

    def _bodies(self, request: Request) -> Bodies:
        base = f"{request.origin}/{request.path.split('/')[1]}"
        jira = self.options.jira or f"{request.origin}{PREFIX}"
        return Bodies(
            self.tenant, base, jira, extra=self.options.extra_keys, step_ids=self.options.step_ids
        )

    def _keep(self, request: Request, names: Sequence[str]) -> list[Keep]:
        made = (FILTERS[name](self.tenant, request) for name in names)
        return [keep for keep in made if keep is not None]

    def _find(
        self,
        request: Request,
        kind: Kind,
        *,
        pattern: re.Pattern[str] | None = None,
        unknown: int = 404,
    ) -> Row[Any]:
        name = matched(request.params["key"], pattern or kind.pattern, f"{kind.word} name")
        row = kind.table(self.tenant).find(name)
        if row is None:
            raise refusal(unknown, f"No {kind.word} {name} exists or it cannot be accessed")
        return row

    def _files(self, request: Request, kind: Kind, row: Row[Any]) -> list[File]:
        if "part" not in request.params or kind.parts is None:
            return list(row.item.files)
        wanted = matched(request.params["part"], NUMBER, "testStepId")
        for part in kind.parts(row.item):
            if str(part.id) == wanted:
                return list(part.files)
        raise refusal(404, f"The {kind.word} has no step {wanted}")

    def _linked(self, request: Request, table: Table[Any]) -> list[Row[Any]]:
        key = matched(request.params["issue"], ISSUE_KEY, "issueKey")
        issue = self.tenant.issues.find(key)
        if issue is None:
            return []
        return [
            row
            for row in table.rows
            if any(link.issue_id == issue.item.id for link in row.item.issues)
        ]

    def _absent(self, request: Request) -> Reply:
        if self.options.missing == _UNAVAILABLE:
            return Reply(_UNAVAILABLE, content=UNROUTED, content_type="text/html")
        raise refusal(self.options.missing, f"Nothing is served at {request.path}")


async def _sent(chunks: Any) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
