"""A migration in pieces: limits of calls, months and hours stop it cleanly, and nothing is lost.

The command runs here, both services in a thread of their own, so that each call is counted there.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_demo.zephyr.history import png
from ztoq_testkit.simulate import Reply, Route, Server

from tests.journeys.journey import Journey, journey
from tests.performance.portrait import Portrait, differences, portrait, twice
from ztoq_core.cli import run
from ztoq_core.errors import Exit

SHOT = png(8, 8, (200, 0, 0))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Portrait:
    async def whole() -> Portrait:
        async with journey(tmp_path_factory.mktemp("whole")) as here:
            assert (await here.run()).exit is Exit.OK
            return here.standing()

    return asyncio.run(whole())


@attrs.define
class Desk:
    """The command with both services."""

    here: Journey
    pictures: Server
    pictures_at: str
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def config(self, source: str = "", sink: str = "") -> None:
        lines = []
        for name, more in (("source", source), ("sink", sink)):
            table = {
                key: {"env": f"{name}_{key}"} if key in {"token", "password"} else value
                for key, value in self.here.tables[name].items()
            }
            pairs = "\n".join(f"{key} = {_toml(value)}" for key, value in table.items())
            lines.append(f"[{name}]\n{pairs}\n{more}\n")
        lines.append('[images]\nallow_private = ["127.0.0.1"]\n')
        (self.folder / "ztoq.toml").write_text("\n".join(lines))

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Run a command; return its exit code, result, and what it told."""
        code = run(["--json", *arguments])
        out, err = self.capsys.readouterr()
        return code, json.loads(out.splitlines()[-1]), err

    @property
    def calls(self) -> tuple[int, int]:
        """The calls that both services have seen."""
        sides = (self.here.zephyr, self.here.qtest)
        return sides[0].server.calls.total(), sides[1].server.calls.total()

    def standing(self) -> Portrait:
        return portrait(self.here.qtest.dump())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    ready, over, found = threading.Event(), threading.Event(), []

    async def serve() -> None:
        give = Route("GET", "/{name}", lambda _: Reply(content=SHOT, content_type="image/png"))
        server = Server([give], name="pictures")
        async with server.serving() as at, journey(tmp_path) as here:
            found.append((here, server, at))
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    for name in ("source", "sink"):
        for key in ("token", "password"):
            if secret := found[0][0].tables[name].get(key):
                monkeypatch.setenv(f"{name}_{key}", secret.reveal())
    desk = Desk(*found[0], tmp_path, capsys)
    desk.config()
    yield desk
    over.set()
    thread.join()


def in_hours(hours: float) -> str:
    return f"{datetime.now().astimezone() + timedelta(hours=hours):%H:%M}"


def test_a_migration_in_runs_of_a_few_calls_arrives_whole_and_once(
    desk: Desk, undisturbed: Portrait
) -> None:
    runs = 0
    code = 3
    while code == 3 and runs < 40:
        before = sum(desk.calls)
        code, said, err = desk("migrate", "--max-calls", "45")
        runs += 1
        assert sum(desk.calls) - before <= 45
        if code == 3:
            assert said["stopped"] == "max-calls"
            assert "Stopped: the 45 calls of --max-calls are made." in err
            assert sum(each["run"] for each in said["calls"]) == 45
    assert code == 0, (said["verdict"], said["sentences"], said["counts"])
    assert runs > 2
    found = desk.standing()
    assert twice(found, undisturbed) + differences(found, undisturbed) == []
    assert sorted(each["made"] for each in desk("status")[1]["calls"]) == sorted(desk.calls)


def test_pictures_of_other_hosts_are_within_the_limit_and_none_is_lost_by_it(desk: Desk) -> None:
    shown = [f"{desk.pictures_at}/{number}.png" for number in range(40)]
    case = desk.here.zephyr.tenant.projects[0].cases[0]
    case.objective = "".join(f'<img src="{src}">' for src in shown)
    codes: list[int] = []
    while codes[-1:] in ([], [3]) and len(codes) < 20:
        before = sum(desk.calls), desk.pictures.calls.total()
        code, said, err = desk("extract", "--max-calls", "40")
        codes.append(code)
        fetched = desk.pictures.calls.total() - before[1]
        assert sum(desk.calls) - before[0] + fetched <= 40
        assert "rejected" not in said["counts"]["attachment"]
        if code == 3 and fetched:
            assert f"{fetched} to other hosts, for pictures" in err
    assert codes[-1] == 0, said
    assert desk.pictures.calls.total() >= 40
    assert len(codes) > 2


def test_the_calls_of_a_month_end_at_the_reserve_and_status_shows_them(desk: Desk) -> None:
    desk.config(sink="monthly_budget = 50")
    code, said, err = desk("migrate")
    assert code == 3
    assert said["stopped"] == "month"
    assert desk.calls[1] == 40, err
    assert "40 calls were made this month, and monthly_budget is 50, of which 20% are" in err
    assert "0 calls" in err
    assert desk("load")[0] == 3
    assert desk.calls[1] == 40
    _, status, _ = desk("status")
    (host,) = (each for each in status["calls"] if each["budget"])
    assert (host["made"], host["allowed"], host["left"], host["reserve"]) == (40, 40, 0, 0.2)
    run(["status"])
    assert "of 40 (the budget of 50 less 20% for others)" in desk.capsys.readouterr().out
    desk.config(sink="monthly_budget = 50\nreserve = 0")
    desk("load")
    assert desk.calls[1] == 50


def test_a_window_that_is_shut_allows_no_call_and_says_when_it_opens(desk: Desk) -> None:
    window = f"{in_hours(2)}-{in_hours(3)}"
    desk.config(source=f'window = "{window}"')
    code, said, err = desk("extract")
    assert (code, said["stopped"], desk.calls) == (3, "window", (0, 0))
    assert f"outside of its window {window}, which opens at" in err
    assert "It is safe to run this again." in err
    assert said["opens"]
    desk.config(source=f'window = "{in_hours(-1)}-{in_hours(1)}"')
    assert desk("extract")[0] == 0


def test_a_check_of_the_config_is_made_at_any_hour(desk: Desk) -> None:
    desk.config(source=f'window = "{in_hours(2)}-{in_hours(3)}"')
    assert desk("config", "check")[0] == 0


def test_no_run_begins_after_its_end(desk: Desk) -> None:
    code, said, _ = desk("migrate", "--until", "2020-01-01T06:00")
    assert (code, desk.calls) == (2, (0, 0))
    assert "has passed already" in said["error"]
    assert desk("migrate", "--until", in_hours(2))[0] == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("reserve = 1.5", "must be at least 0 and less than 1"),
        ("reserve = -0.1", "must be at least 0 and less than 1"),
        ('window = "at night"', "window 'at night' should be like 20:00-06:00"),
    ],
)
def test_settings_that_cannot_be_are_named(desk: Desk, line: str, message: str) -> None:
    desk.config(sink=line)
    code, said, _ = desk("migrate")
    assert code == 2
    assert message in said["error"]
    assert "@ sink" in said["error"]
