"""A cut of the real corpus through the real command and both simulators, and what came of it."""

from __future__ import annotations

import asyncio
import copy
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from ztoq_demo.qtest import Simulator as QTest
from ztoq_demo.zephyr import corpus as files
from ztoq_demo.zephyr.options import Options as ZephyrOptions
from ztoq_demo.zephyr.simulator import Simulator as Zephyr

from tests.corpus.background import in_background
from tests.corpus.compare import assert_same, differences
from tests.corpus.corpus import Corpus, corpus, shared_data
from tests.corpus.planted import noted, planted
from tests.corpus.reading import Found, read
from tests.corpus.real import Json
from tests.corpus.setting import PROJECT_ID, environment, write_config, ztoq
from tests.corpus.values import properties
from tests.vendor import qtest_document, zephyr_document
from tests.vendor.exchanges import Exchange, Recorder

DATA = shared_data()
pytestmark = [
    pytest.mark.shared("data/mattermost", "specs"),
    pytest.mark.timeout(240),
]
STEPS = ("transform", "load", "validate", "report")
READING = {"GET", "HEAD"}


@attrs.define(kw_only=True)
class Sides:
    """Both products in a thread, and a folder with a configuration between them."""

    made: Corpus
    zephyr: Zephyr
    qtest: QTest
    zephyr_asked: Recorder
    qtest_asked: Recorder
    config: Path
    qtest_url: str

    @property
    def env(self) -> dict[str, str]:
        return environment(self.zephyr.token(), self.qtest.options.token)

    def run(self, *verb: str) -> subprocess.CompletedProcess[str]:
        return ztoq(self.config, *verb, env=self.env)

    def found(self) -> Found:
        return asyncio.run(read(self.qtest_url, self.qtest.options.token, PROJECT_ID))

    def writes(self) -> list[str]:
        asked = [each.request for each in self.qtest_asked.exchanges]
        return [
            f"{request.method} {request.path}"
            for request in asked
            if request.method not in READING and not request.path.endswith("/search")
        ]


def sides_of(made: Corpus, folder: Path, store: str = "sqlite:///migration.db") -> Iterator[Sides]:
    file = folder / "corpus.json"
    made.write(file)
    # links to issues hold Jira's address: the same for every run
    zephyr = Zephyr(files.read(file), ZephyrOptions(jira="https://acme.example.com"))
    qtest = QTest()
    zephyr_asked, qtest_asked = Recorder(), Recorder()
    zephyr.server.recorder, qtest.server.recorder = zephyr_asked, qtest_asked
    file.unlink()
    with in_background(zephyr.serving(), qtest.serving()) as (zephyr_url, qtest_url):
        config = write_config(folder, zephyr_url, qtest_url, store=store)
        yield Sides(
            made=made,
            zephyr=zephyr,
            qtest=qtest,
            zephyr_asked=zephyr_asked,
            qtest_asked=qtest_asked,
            config=config,
            qtest_url=qtest_url,
        )


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout[-2_000:] + done.stderr[-2_000:]


@attrs.define(kw_only=True)
class Moved:
    """The cut after `ztoq migrate`."""

    sides: Sides
    done: subprocess.CompletedProcess[str]
    found: Found


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    assert DATA
    made = corpus(DATA, cases=300, executions=360, files=60)
    for sides in sides_of(made, tmp_path_factory.mktemp("cut")):
        done = sides.run("--json", "--log-file", "ztoq.log", "-v", "migrate")
        yield Moved(sides=sides, done=done, found=sides.found())


def test_everything_arrives_once(moved: Moved) -> None:
    assert moved.done.returncode == 0, said(moved.done)
    assert_same(moved.sides.made.expected, moved.found)
    assert not moved.sides.zephyr.server.errors
    assert not moved.sides.qtest.server.errors


def test_only_what_was_planted_is_noted_or_skipped(moved: Moved) -> None:
    report = json.loads((moved.sides.config.parent / "report.json").read_text("utf-8"))
    assert planted(moved.sides.made) == noted(report)


def test_the_source_is_only_read_and_asked_as_its_document_says(moved: Moved) -> None:
    document = zephyr_document.Document()
    assert moved.sides.zephyr.writes == 0
    assert document.check_all(moved.sides.zephyr_asked.exchanges) == []


def test_the_target_is_asked_as_its_document_says(moved: Moved) -> None:
    document = qtest_document.Document()
    asked = {shape(each): each for each in moved.sides.qtest_asked.exchanges}
    assert [line for each in asked.values() for line in document.check_request(each)] == []


def shape(exchange: Exchange) -> object:
    """Requests that differ in numbers and texts only are one to the document."""
    request = exchange.request
    line = re.sub(r"\d+", "0", exchange.line)
    body: object = bool(request.body)
    if request.headers.get("Content-Type", "").startswith("application/json") and (
        "blob-handles" not in request.route  # a file may be JSON too, and broken
    ):
        body = outline(request.json())
    return request.method, line, *sorted(request.headers), body


def outline(value: object) -> object:
    """The types of a value; of texts also whether they keep to the limits of names."""
    if isinstance(value, dict):
        return frozenset((name, outline(each)) for name, each in value.items())
    if isinstance(value, list):
        return "list", frozenset(outline(each) for each in value)
    return type(value), isinstance(value, str) and (not value, len(value) > 500)


def test_no_secret_is_in_anything_that_was_left(moved: Moved) -> None:
    secrets = (moved.sides.zephyr.token(), moved.sides.qtest.options.token)
    files_left = [path for path in moved.sides.config.parent.rglob("*") if path.is_file()]
    left = {path.name: path.read_bytes() for path in files_left}
    left |= {"stdout": moved.done.stdout.encode(), "stderr": moved.done.stderr.encode()}
    assert {"migration.db", "report.html", "report.json", "ztoq.log"} <= left.keys()
    for name, content in left.items():
        for secret in secrets:
            assert secret.encode() not in content, name


def test_a_second_migration_writes_nothing(moved: Moved) -> None:
    before = len(moved.sides.writes())
    done = moved.sides.run("migrate")
    assert done.returncode == 0, said(done)
    assert moved.sides.writes()[before:] == []


def test_no_text_made_a_parameter(moved: Moved) -> None:
    assert moved.sides.qtest.dump()["parameters"] == []


def without_a_file(found: Found) -> None:
    next(listed for listed in found.files.values() if listed).pop()


def with_another_step(found: Found) -> None:
    longest(found)["test_steps"][-1]["expected"] += " changed"


def without_a_value(found: Found) -> None:
    case = next(c for c in found.cases if properties(c).get("Location"))
    case["properties"] = [p for p in case["properties"] if p["field_name"] != "Location"]


def with_another_date(found: Found) -> None:
    run = next(run for run in found.runs if found.logs[run["id"]])
    found.logs[run["id"]][0]["exe_end_date"] = "2030-01-01T00:00:00Z"


def with_a_case_twice(found: Found) -> None:
    found.cases.append(longest(found))


def without_a_module(found: Found) -> None:
    found.modules.popitem()


def with_another_result(found: Found) -> None:
    logs = [log for each in found.logs.values() for log in each if log.get("test_step_logs")]
    step = logs[0]["test_step_logs"][0]
    step["status"]["name"] = "Blocked" if step["status"]["name"] == "Passed" else "Passed"


def without_a_run(found: Found) -> None:
    found.runs.pop()


def longest(found: Found) -> Json:
    return max(found.cases, key=lambda each: len(each["test_steps"]))


@pytest.mark.parametrize(
    "damage",
    [
        without_a_file,
        with_another_step,
        without_a_value,
        with_another_date,
        with_a_case_twice,
        without_a_module,
        with_another_result,
        without_a_run,
    ],
)
def test_the_judge_sees_a_target(moved: Moved, damage: Callable[[Found], None]) -> None:
    found = copy.deepcopy(moved.found)
    damage(found)
    assert differences(moved.sides.made.expected, found)


def test_after_extraction_nothing_needs_the_source(tmp_path: Path) -> None:
    assert DATA
    made = corpus(DATA, cases=50, executions=70, files=20, seed=2)
    for sides in sides_of(made, tmp_path):
        assert sides.run("extract").returncode == 0
        asked = len(sides.zephyr_asked.exchanges)
        sides.zephyr.options.token = "nothing is accepted any more"
        for verb in STEPS:
            done = sides.run(verb)
            assert done.returncode == 0, f"{verb}: {said(done)}"
        assert len(sides.zephyr_asked.exchanges) == asked
        assert_same(made.expected, sides.found())


IDS = frozenset(["id", "pid", "parent", "order", "created", "run", "case", "called", "step"])
HERE = re.compile(r"http://127\.0\.0\.1:\d+[^\"\s<>]*")
IDS_TOO = frozenset(["logs", "target_release", "versions"])


def portrait(qtest: QTest) -> dict[str, list[str]]:
    """What stands in the target, without what another run would number otherwise."""
    kinds = {kind: things for kind, things in qtest.dump().items() if isinstance(things, list)}
    del kinds["links"]
    return {
        kind: sorted(json.dumps(unnumbered(thing), sort_keys=True) for thing in things)
        for kind, things in kinds.items()
    }


def unnumbered(value: object) -> object:
    if isinstance(value, dict):
        kept = {k: unnumbered(v) for k, v in value.items() if k not in IDS | IDS_TOO}
        if "attachments" in kept:  # files of one owner come in any order
            kept["attachments"] = sorted(each["sha256"] for each in value["attachments"])
        return kept
    if isinstance(value, str):  # the addresses of files have ports and numbers
        return HERE.sub("here", value)
    return [unnumbered(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def portraits() -> list[dict[str, list[str]]]:
    return []


def test_every_store_gives_the_same_target(
    store_url: str, tmp_path: Path, portraits: list[dict[str, list[str]]]
) -> None:
    assert DATA
    made = corpus(DATA, cases=50, executions=70, files=20, seed=3)
    for sides in sides_of(made, tmp_path, store_url):
        done = sides.run("migrate")
        assert done.returncode == 0, said(done)
        assert_same(made.expected, sides.found())
        portraits.append(portrait(sides.qtest))
    assert portraits[-1] == portraits[0]
