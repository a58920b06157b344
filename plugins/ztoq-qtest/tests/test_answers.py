"""Answers that the simulator does not give: sparse ones, odd ones, refusals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest.demo import demo
from ztoq_qtest import QtestConfig, open_qtest, ztoq_sinks
from ztoq_qtest.sink import QtestSink
from ztoq_testkit import lent
from ztoq_testkit.simulate import Reply, Request, Server

from ztoq_core.plugin import (
    AccessError,
    ConfigError,
    DoubtError,
    FieldDefinition,
    FieldType,
    FieldValue,
    Kind,
    MappingError,
    RecordError,
    RejectedError,
    Secret,
    StepResult,
    Written,
)

ANSWERS = Path(__file__).parent / "answers"
ROOT = "/api/v3/projects/1/"
PLACED = Written(target_id="modules/77")


def load(name: str) -> Any:
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


@attrs.define
class Site:
    """Answers ``METHOD path`` below the project as a test says; what is left out is empty."""

    answers: dict[str, Any]
    asked: list[str] = attrs.field(factory=list)
    bodies: list[Any] = attrs.field(factory=list)

    def serve(self, request: Request) -> Reply:
        line = f"{request.method} {request.path.removeprefix(ROOT)}"
        self.asked.append(line)
        self.bodies.append(request.body)
        empty: Any = {"user_id": 1} if request.path.endswith("/current") else []
        answer = self.answers.get(line, empty if request.method == "GET" else Reply(400, {}))
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, Reply) else Reply(200, answer)


Opener = Callable[[dict[str, Any]], Awaitable[tuple[QtestSink, Site]]]


@pytest.fixture
async def answering() -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:

        async def start(answers: dict[str, Any]) -> tuple[QtestSink, Site]:
            site = Site(answers)
            server = Server((), name="qTest", on_missing=site.serve)
            base_url = await stack.enter_async_context(server.serving())
            config = QtestConfig(base_url=base_url, project=1, token=Secret("token-1"))
            sink = await stack.enter_async_context(open_qtest(config, lent()))
            return sink, site

        yield start


async def test_an_answer_without_an_id_is_in_doubt(answering: Opener, project: Any) -> None:
    sink, _ = await answering({"POST modules": {}})
    with pytest.raises(DoubtError, match="without 'id'"):
        await sink.write(project.module, None, {}, None)


async def test_steps_that_the_answer_leaves_out_are_asked_for(
    answering: Opener, project: Any
) -> None:
    sink, site = await answering(
        {"POST test-cases": load("test-case"), "GET test-cases/501": load("test-case-expanded")}
    )
    written = await sink.write(project.called, None, {project.module.ref: PLACED}, None)
    assert written.parts == {"1": "9001", "2": "9002"}
    assert (written.pid, written.version) == ("TC-616", "901")
    assert site.asked[-1] == "GET test-cases/501"


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_new_case_whose_steps_cannot_be_asked_for_is_in_doubt_and_not_sent_again(
    answering: Opener, project: Any, status: int
) -> None:
    refusal = Reply(status, {"message": "no"}, headers={"Retry-After": "100"})
    sink, _ = await answering({"POST test-cases": load("test-case"), "GET test-cases/501": refusal})
    with pytest.raises(DoubtError, match="was created, but then"):
        await sink.write(project.called, None, {project.module.ref: PLACED}, None)


async def test_a_case_that_stays_in_its_old_module_is_a_loss(
    answering: Opener, project: Any
) -> None:
    sink, _ = await answering({"PUT test-cases/501": load("test-case")})
    case = attrs.evolve(project.called, steps=())
    links = {project.module.ref: Written(target_id="modules/78")}
    written = await sink.write(case, "501", links, None)
    assert [note.code for note in written.notes] == ["not-moved"]


async def test_a_case_without_a_folder_is_not_sent(answering: Opener, project: Any) -> None:
    sink, site = await answering({})
    with pytest.raises(RecordError, match="Created via API"):
        await sink.write(attrs.evolve(project.called, folder=None), None, {}, None)
    assert site.asked == []


async def test_what_a_record_needs_must_have_arrived(answering: Opener, project: Any) -> None:
    sink, _ = await answering({})
    with pytest.raises(RecordError, match="needs folder SHOP-F1"):
        await sink.write(project.called, None, {project.module.ref: None}, None)


@pytest.mark.parametrize(("version", "codes"), [("1.0", []), ("0.2", ["not-approved"])])
async def test_a_refused_approval_is_a_loss_unless_it_is_approved(
    answering: Opener, project: Any, version: str, codes: list[str]
) -> None:
    sink, _ = await answering({"GET test-cases/501": {**load("test-case"), "version": version}})
    case = attrs.evolve(project.called, steps=())
    finished = await sink.finish(case, Written(target_id="501"), {})
    assert [note.code for note in finished.notes] == codes


def nested() -> dict[str, Any]:
    return {
        "GET test-runs/execution-statuses": [
            {"id": 601, "name": "Passed"},
            {"id": 602, "name": "Failed"},
            {"id": 609, "name": "Not yet", "is_default": True},
        ],
        "GET test-cases/501/versions/901/test-steps": load("version-steps-nested"),
        "POST test-runs/700/test-logs": {"id": 8001},
        "GET test-runs/700/test-logs/8001": load("test-log"),
    }


def result(number: int, step: str, status: str, row: int | None = None) -> StepResult:
    return StepResult(key=str(number), status=status, statuses=(status,), step=step, row=row)


def links(project: Any) -> dict[Any, Written]:
    return {
        project.run.ref: Written(target_id="700"),
        project.case.ref: Written(target_id="501", version="901"),
    }


async def test_calls_inside_calls_name_the_outermost_calling_step(
    answering: Opener, project: Any
) -> None:
    sink, site = await answering(nested())
    results = (result(1, "1/2/1", "Passed"), result(2, "2", "Failed"))
    log = attrs.evolve(project.log, results=results, links=())
    written = await sink.write(log, None, links(project), None)
    sent = json.loads(site.bodies[site.asked.index("POST test-runs/700/test-logs")])
    assert [
        (
            each["test_step_id"],
            each.get("called_test_case_id"),
            each.get("parent_test_step_id"),
            each["status"]["id"],
        )
        for each in sent["test_step_logs"]
    ] == [(9101, 502, 9001, 609), (9201, 503, 9001, 601), (9002, None, None, 602)]
    # the answer named neither: the log was read, and matched by place
    assert written.parts == {"1": "8102", "2": "8103"}
    assert written.target_id == "700/8001"
    looked = await sink.current(Kind.TEST_LOG, "700/8001")
    assert looked is not None
    assert looked.stamp == written.stamp


async def test_steps_of_a_case_are_asked_for_once(answering: Opener, project: Any) -> None:
    sink, site = await answering(nested())
    log = attrs.evolve(project.log, results=(result(1, "2", "Passed"),), links=(), files=0)
    for number in range(5):
        await sink.write(attrs.evolve(log, key=f"SHOP-E{number}"), None, links(project), None)
    assert site.asked.count("GET test-cases/501/versions/901/test-steps") == 1
    assert "GET test-runs/700/test-logs/8001" not in site.asked


@pytest.mark.parametrize(
    ("rows", "worst"),
    [
        (("Passed", "Not yet"), 609),
        (("Passed", "Passed"), 601),
        (("Not yet", "Failed", "Passed"), 602),
    ],
)
async def test_the_worst_row_counts(
    answering: Opener, project: Any, rows: tuple[str, ...], worst: int
) -> None:
    sink, site = await answering(nested())
    results = tuple(result(n, "2", status, n) for n, status in enumerate(rows, 1))
    log = attrs.evolve(project.log, results=results, links=(), files=0)
    await sink.write(log, None, links(project), None)
    sent = json.loads(site.bodies[-1])
    assert sent["test_step_logs"][-1]["status"] == {"id": worst}
    assert sent["test_step_logs"][-1]["actual_result"].startswith(f"<p>Row 1: {rows[0]}</p>")


async def test_a_status_that_is_not_there_fails_the_record(answering: Opener, project: Any) -> None:
    sink, _ = await answering(nested())
    log = attrs.evolve(project.log, statuses=("Blocked",), results=())
    with pytest.raises(MappingError, match=r"\['Blocked'\] \(it has: Passed, Failed"):
        await sink.write(log, None, links(project), None)


async def test_a_log_without_dates_is_not_sent(answering: Opener, project: Any) -> None:
    sink, _ = await answering(nested())
    with pytest.raises(RecordError, match="no start or end"):
        await sink.write(attrs.evolve(project.log, end=None), None, links(project), None)


async def test_a_silent_link_is_read_back(answering: Opener, project: Any) -> None:
    held = [{"id": 9, "objects": [{"id": 501}]}]
    sink, site = await answering(
        {"POST requirements/9/link": Reply(201), "GET linked-artifacts": held}
    )
    case = attrs.evolve(project.case, steps=(), executed=False)
    arrived = {project.requirement.ref: Written(target_id="9")}
    assert (await sink.finish(case, Written(target_id="501"), arrived)).notes == ()
    assert site.asked == ["POST requirements/9/link", "GET linked-artifacts"]


@pytest.mark.parametrize("made", [{}, {"total": 1, "items": [{"value": 2, "label": "Chrome"}]}])
@pytest.mark.parametrize(
    "listed", [[], [{"value": 2, "label": "Chrome", "is_active": False}], [{"value": 2}]]
)
@pytest.mark.parametrize("known", [[], [{"value": 2, "label": "chrome", "is_active": False}]])
async def test_an_allowed_value_that_qtest_does_not_list_afterwards_is_an_error(
    answering: Opener, made: Any, listed: Any, known: Any
) -> None:
    fields = "settings/test-cases/fields"
    of = {"id": 9, "label": "Browser", "data_type": 3, "constrained": True, "allowed_values": known}
    sink, site = await answering(
        {
            f"GET {fields}": [of],
            f"POST {fields}/9/allowed-values": Reply(201, made),
            f"PUT {fields}/9/allowed-values/2": {},
            f"GET {fields}/9/allowed-values": listed,
        }
    )
    definition = FieldDefinition(
        key="browser",
        of=Kind.TEST_CASE,
        name="Browser",
        type=FieldType.CHOICE,
        values=("Chrome",),
    )
    with pytest.raises(RecordError, match=r"accepted the allowed value 'Chrome'.*does not list it"):
        await sink.write(definition, None, {}, None)
    assert sum(line.startswith(("POST", "PUT")) for line in site.asked) == 1


async def test_fields_with_unknown_numbers_are_understood(answering: Opener) -> None:
    def values(request: Request) -> Any:
        return load("allowed-values") if request.query["page"] == "1" else []

    sink, _ = await answering(
        {
            "GET settings/test-runs/fields": load("fields-odd"),
            "GET settings/test-runs/fields/32/allowed-values": values,
        }
    )
    schema = await sink.describe()
    assert {(spec.name, spec.type) for spec in schema.fields} == {
        ("Name", FieldType.TEXT),
        ("Ausf\u00fchrung", FieldType.CHOICE),
    }
    run_type = schema.field(Kind.TEST_RUN, "Ausf\u00fchrung")
    assert run_type is not None
    assert run_type.values == ("Functional", "Regression")


async def test_a_field_is_known_by_its_original_name(answering: Opener, project: Any) -> None:
    sink, site = await answering(
        {
            "GET settings/test-runs/fields": [
                {
                    **load("fields-odd")[1],
                    "allowed_values": load("allowed-values"),
                }
            ],
            "POST test-runs": {"id": 700},
        }
    )
    value = FieldValue(name="ExecutionTypeTestRun", value="Regression", type=FieldType.CHOICE)
    run = attrs.evolve(project.run, cycle=None, environment="", fields=(value,))
    await sink.write(run, None, links(project), None)
    sent = json.loads(site.bodies[-1])
    assert sent["properties"] == [
        {"field_id": 32, "field_name": "Ausf\u00fchrung", "field_value": "502"}
    ]
    assert sent["test_case"] == {"id": 501, "properties": []}


async def test_a_page_shorter_than_asked_does_not_end_a_list(
    answering: Opener, project: Any
) -> None:
    cases = [
        {**load("test-case"), "id": n, "description": f"<p>Zephyr key: SHOP-T{n}</p>"}
        for n in range(1, 8)
    ]

    def page(request: Request) -> Any:
        start = (int(request.query["page"]) - 1) * 3
        return cases[start : start + 3]

    sink, _ = await answering(
        {"GET test-cases": page, "GET test-cases/7": {**cases[6], "test_steps": []}}
    )
    case = attrs.evolve(project.called, key="SHOP-T7")
    (found,) = await sink.find(case, {project.module.ref: PLACED})
    assert found.written.target_id == "7"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "does not answer as qTest does"),
        ({"GET /api/v3/projects/1": Reply(403, {})}, "not open to this user"),
        (
            {
                "GET /api/v3/projects/1": Reply(404, content=b"<html>", content_type="text/html"),
                "GET /api/v3/projects": Reply(404, content=b"<html>", content_type="text/html"),
            },
            "is not a qTest site",
        ),
    ],
)
async def test_a_check_names_what_is_wrong(
    answering: Opener, answers: dict[str, Any], said: str
) -> None:
    sink, _ = await answering(answers)
    with pytest.raises(ConfigError, match=said):
        await sink.check()


async def test_a_check_tells_what_the_user_may_not_do(answering: Opener) -> None:
    profile = {
        "test_case": {"create": True, "approve": False},
        "project_setting": {"manage": False},
    }
    sink, _ = await answering(
        {
            "GET /api/v3/projects/1": {"id": 1},
            "GET user-profiles/current": profile,
            "GET users": Reply(403, {}),
        }
    )
    said = {finding.text: finding.level for finding in await sink.check()}
    assert said["the user may not approve test cases; ask the project's administrator"] == "error"
    begun = {text.partition(";")[0]: level for text, level in said.items()}
    assert begun["the project has no execution statuses"] == "error"
    # each says what to do
    assert all("; " in text or ". " in text for text, level in said.items() if level == "error")
    assert [text for text, level in said.items() if level == "warning"]
    assert not (await sink.describe()).can_create_fields


def test_the_hook_declares_the_sink() -> None:
    (plugin,) = ztoq_sinks()
    assert (plugin.name, plugin.config) == ("qtest", QtestConfig)


async def test_the_demo_serves_a_project() -> None:
    (plugin,) = ztoq_sinks()
    async with demo() as table:
        settings = {name: value for name, value in table.items() if name != "use"}
        async with plugin.open(QtestConfig(**settings), lent()) as sink:
            assert [finding.level for finding in await sink.check()] == ["info"]


async def test_a_field_stays_where_nobody_can_tell_whether_it_is_used(
    answering: Opener,
) -> None:
    """The status of the search must not pass for that of the field: 404 says that it is gone."""
    sink, site = await answering(
        {
            "GET settings/test-cases/fields/7": {"id": 7, "label": "Browser", "is_active": True},
            "POST search": Reply(404, {"message": "Not Found"}),
        }
    )
    with pytest.raises(RejectedError, match="what uses the field") as caught:
        await sink.delete(Kind.FIELD, "test-cases/7")
    assert caught.value.status is None
    assert not [each for each in site.asked if each.startswith("DELETE")]


async def test_a_token_that_qtest_refuses_comes_with_where_to_get_one(answering: Opener) -> None:
    sink, _ = await answering({"GET /api/v3/projects/1": Reply(401, {"message": "Invalid token"})})
    with pytest.raises(AccessError, match=r"(?s)Invalid token.*Resources > API & SDK"):
        await sink.check()


async def test_a_parent_that_is_gone_is_named(answering: Opener, project: Any) -> None:
    sink, _ = await answering({"POST test-cases": Reply(404, {"message": "Object not found"})})
    with pytest.raises(RejectedError, match=r"its parent modules/77 no longer exists"):
        await sink.write(project.called, None, {project.module.ref: PLACED}, None)
