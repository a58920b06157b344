"""Bad input, each line of issue 2: exit code and message, no traceback, nothing written to qTest.

Both products are served by a thread of their own.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from ztoq_demo.qtest import Options as QTestOptions
from ztoq_demo.qtest import Simulator as QTest
from ztoq_demo.zephyr.model import Case, Folder, Priority, Project, Status, StatusType, Step
from ztoq_demo.zephyr.simulator import Simulator as Zephyr
from ztoq_testkit.simulate import Reply, Request

from tests.corpus import in_process, setting
from tests.corpus.background import in_background
from tests.corpus.hurried import hurried
from tests.corpus.setting import PROJECT_ID, command, environment, write_config

READING = {"GET", "HEAD"}
LOGIN = "/oauth/"
SEARCH = "/search"


@attrs.define(kw_only=True)
class Sides:
    zephyr: Zephyr
    qtest: QTest
    zephyr_url: str
    qtest_url: str
    folder: Path

    def writes(self) -> list[str]:
        return [
            f"{method} {route}"
            for method, route in self.qtest.server.calls
            if method not in READING and LOGIN not in route and not route.endswith(SEARCH)
        ]

    def env(self, **changes: str) -> dict[str, str]:
        made = environment(self.zephyr.token(), self.qtest.options.token)
        made |= changes
        return {name: value for name, value in made.items() if value != "-"}

    def config(
        self,
        change: Callable[[str], str] = str,
        *,
        zephyr: str = "",
        qtest: str = "",
        project: str = "ACME",
        number: int = PROJECT_ID,
    ) -> Path:
        path = write_config(
            self.folder,
            zephyr or self.zephyr_url,
            qtest or self.qtest_url,
            project=project,
            number=number,
        )
        path.write_text(change(path.read_text("utf-8")), "utf-8")
        return path


def small_project(key: str = "ACME", number: int = 7, cases: int = 12) -> Project:
    status = Status(id=1, name="Approved", type=StatusType.TEST_CASE, default=True)
    others = [
        Status(id=10 + number, name="Not Executed", type=kind, default=True)
        for number, kind in enumerate(StatusType)
        if kind is not StatusType.TEST_CASE
    ]
    return Project(
        id=number,
        key=key,
        folders=[Folder(id=3, name="All")],
        statuses=[status, *others],
        priorities=[Priority(id=2, name="Normal", default=True)],
        cases=[
            Case(
                id=number * 10_000 + each,
                key=f"{key}-T{each}",
                name=f"Case {each}",
                status_id=1,
                priority_id=2,
                folder_id=3,
                steps=[
                    Step(id=number * 100_000 + each, description="Do it", expected_result="Done")
                ],
            )
            for each in range(1, cases + 1)
        ],
    )


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[Sides]:
    zephyr = Zephyr([small_project(), small_project("OTHER", 8), small_project("LARGE", 9, 150)])
    qtest = QTest(QTestOptions(username="quinn@example.com", password="right-password"))
    with in_background(zephyr.serving(), qtest.serving()) as (zephyr_url, qtest_url):
        yield Sides(
            zephyr=zephyr,
            qtest=qtest,
            zephyr_url=zephyr_url,
            qtest_url=qtest_url,
            folder=tmp_path,
        )


def ztoq(config: Path, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return in_process.ztoq(config.parent, "--config", str(config), *arguments, env=env)


def refused(sides: Sides, done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    said = done.stderr + done.stdout
    assert done.returncode == code, said
    assert "Traceback" not in said
    for word in words:
        assert word.lower() in said.lower()
    assert sides.writes() == []
    assert sides.zephyr.writes == 0


def jwt(exp: int) -> str:
    parts = ({"alg": "HS256"}, {"sub": "x", "exp": exp})
    texts = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    return ".".join([*texts, "c2lnbmF0dXJl"])


# ------------------------------------------------------------------------------------ credentials


def test_a_zephyr_token_that_is_refused_ends_with_2(sides: Sides) -> None:
    sides.zephyr.options.token = jwt(4_000_000_000)
    done = ztoq(sides.config(), "migrate", env=sides.env(ZEPHYR_TOKEN=jwt(4_000_000_001)))
    refused(sides, done, 2, "zephyr", "401", "[source]")
    assert jwt(4_000_000_001) not in done.stderr


def test_an_expired_zephyr_token_is_seen_before_the_first_call(sides: Sides) -> None:
    done = ztoq(sides.config(), "migrate", env=sides.env(ZEPHYR_TOKEN=jwt(1_600_000_000)))
    refused(sides, done, 2, "expired", "2020-09-13")
    assert not sides.zephyr.server.calls


def test_a_zephyr_token_that_is_no_jwt_is_seen_before_the_first_call(sides: Sides) -> None:
    done = ztoq(sides.config(), "migrate", env=sides.env(ZEPHYR_TOKEN="hunter2-hunter2"))
    refused(sides, done, 2, "jwt")
    assert "hunter2" not in done.stderr
    assert not sides.zephyr.server.calls


@pytest.mark.parametrize("name", ["ZEPHYR_TOKEN", "QTEST_TOKEN"])
def test_a_missing_token_names_the_variable(sides: Sides, name: str) -> None:
    done = ztoq(sides.config(), "migrate", env=sides.env(**{name: "-"}))
    refused(sides, done, 2, name)


def test_a_wrong_qtest_token_ends_with_2(sides: Sides) -> None:
    done = ztoq(sides.config(), "migrate", env=sides.env(QTEST_TOKEN="wrong-token-1234"))
    refused(sides, done, 2, "qtest", "401", "[sink]")
    assert "wrong-token-1234" not in done.stderr


def test_a_wrong_password_ends_with_2(sides: Sides) -> None:
    login = 'username = "quinn@example.com"\npassword = { env = "QTEST_TOKEN" }'
    config = sides.config(lambda text: text.replace('token = { env = "QTEST_TOKEN" }', login))
    done = ztoq(config, "migrate", env=sides.env(QTEST_TOKEN="wrong-password"))
    refused(sides, done, 2, "qtest")
    assert "wrong-password" not in done.stderr


# --------------------------------------------------------------------------------------- projects


def test_an_unknown_zephyr_project_ends_with_2(sides: Sides) -> None:
    done = ztoq(sides.config(project="NOPE"), "migrate", env=sides.env())
    refused(sides, done, 2, "NOPE")


def test_an_unknown_qtest_project_ends_with_2(sides: Sides) -> None:
    done = ztoq(sides.config(number=99_999), "migrate", env=sides.env())
    refused(sides, done, 2, "99999")


# ------------------------------------------------------------------------------------------- config


def test_an_unknown_plugin_is_named_with_those_there_are(sides: Sides) -> None:
    config = sides.config(lambda text: text.replace('use = "zephyr"', 'use = "zefyr"'))
    refused(sides, ztoq(config, "migrate", env=sides.env()), 2, "'zefyr'", "zephyr")


def test_a_misspelt_key_is_answered_with_the_nearest(sides: Sides) -> None:
    config = sides.config(lambda text: text.replace("create_fields", "create_feilds"))
    done = ztoq(config, "migrate", env=sides.env())
    refused(sides, done, 2, "create_feilds", "create_fields")


def test_broken_toml_is_shown_with_its_line(sides: Sides) -> None:
    config = sides.config(lambda text: text.replace("[sink]", "[sink", 1))
    refused(sides, ztoq(config, "migrate", env=sides.env()), 2, "TOML", "line 10")


def test_a_missing_file_is_named(sides: Sides) -> None:
    done = ztoq(sides.folder / "none.toml", "migrate", env=sides.env())
    refused(sides, done, 2, "none.toml")


# ---------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize("verb", [["migrate"], ["config", "check"]], ids=" ".join)
def test_nobody_listening_ends_with_3_and_the_advice(sides: Sides, verb: list[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    for zephyr, qtest in ((f"http://{address}/v2", ""), ("", f"http://{address}")):
        config = sides.config(zephyr=zephyr, qtest=qtest)
        with hurried():
            done = ztoq(config, *verb, env=sides.env())
        refused(sides, done, 3, address, "no connection", "check base_url, network and proxy")


def test_a_zephyr_url_with_a_wrong_path_ends_with_2(sides: Sides) -> None:
    config = sides.config(zephyr=sides.zephyr_url.replace("/v2", "/wrong/v7"))
    refused(sides, ztoq(config, "migrate", env=sides.env()), 2, "base_url")


def test_a_qtest_url_with_a_wrong_path_ends_with_2(sides: Sides) -> None:
    config = sides.config(qtest=f"{sides.qtest_url}/wrong")
    refused(sides, ztoq(config, "migrate", env=sides.env()), 2, "base_url")


def test_a_trailing_slash_does_no_harm(sides: Sides) -> None:
    config = sides.config(zephyr=f"{sides.zephyr_url}/", qtest=f"{sides.qtest_url}/")
    done = ztoq(config, "migrate", env=sides.env())
    assert done.returncode == 0, done.stderr
    assert sides.writes()


# -------------------------------------------------------------------------------------------- store


def test_a_store_of_a_newer_version_ends_with_2(sides: Sides) -> None:
    config = sides.config()
    assert ztoq(config, "extract", env=sides.env()).returncode == 0
    store = sides.folder / "migration.db"
    with sqlite3.connect(store) as database:
        changed = database.execute("update meta set value = '999' where name = 'schema'").rowcount
    database.close()
    assert changed == 1
    refused(sides, ztoq(config, "load", env=sides.env()), 2, "newer", "999")


def test_a_store_of_another_project_ends_with_2(sides: Sides) -> None:
    assert ztoq(sides.config(), "extract", env=sides.env()).returncode == 0
    done = ztoq(sides.config(project="OTHER"), "migrate", env=sides.env())
    refused(sides, done, 2, "ACME", "OTHER")


def test_a_second_run_on_one_store_is_refused_and_names_the_first(sides: Sides) -> None:
    asked = threading.Event()

    def hold(request: Request, reply: Reply) -> None:
        if "testcases" in request.path:
            sides.zephyr.server.latency = 60
            asked.set()
        del reply

    sides.zephyr.server.recorder = hold
    config = sides.config()
    first = subprocess.Popen(
        command(config, "extract"), cwd=sides.folder, env=sides.env(), stderr=subprocess.DEVNULL
    )
    try:
        assert asked.wait(30)
        done = ztoq(config, "migrate", env=sides.env())
    finally:
        first.kill()
        first.wait(30)
    refused(sides, done, 2, str(first.pid), socket.gethostname())


@contextmanager
def room(size: int) -> Iterator[None]:
    """Let writing beyond this size of a file fail, here and in processes, as on a full disk."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_no_room_for_a_store_ends_with_2_until_there_is_some(sides: Sides) -> None:
    config = sides.config()
    with room(20_000):
        full = ztoq(config, "extract", env=sides.env())
    refused(sides, full, 2, "store")
    done = ztoq(config, "extract", env=sides.env())
    assert done.returncode == 0, done.stderr


def test_a_full_disk_ends_the_run_which_goes_on_when_there_is_room(sides: Sides) -> None:
    config = sides.config(project="LARGE")
    with room(200_000):
        # a process, as its end is what frees the store: there is no room to write that it ended
        full = setting.ztoq(config, "extract", env=sides.env())
    refused(sides, full, 3, "store")
    done = ztoq(config, "extract", env=sides.env())
    assert done.returncode == 0, done.stderr


def test_a_config_in_a_folder_that_cannot_be_written_ends_with_an_error(sides: Sides) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    config = sides.config()
    sides.folder.chmod(0o500)
    try:
        refused(sides, ztoq(config, "migrate", env=sides.env()), 2, "migration.db")
    finally:
        sides.folder.chmod(0o700)
