"""The program as a process: help, version, start-up, exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from importlib.metadata import EntryPoint, version
from pathlib import Path

import pytest
import rich_click as click
from ztoq_testkit.memory import PowerCut

from tests.tables import sampled
from tests.unit.cli.conftest import Program
from ztoq_core.cli import main
from ztoq_core.cli.app import COMMANDS
from ztoq_core.cli.app import ztoq as root
from ztoq_core.cli.exit_codes import ErrorHandler
from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.cli.options import Options
from ztoq_core.cli.output import MOST_LOG_LINES, Output

UNWANTED = (
    *("aiohttp", "asyncio", "attr", "cattrs", "jinja2", "loguru", "orjson", "peewee", "pluggy"),
    *(
        "tomlkit",
        "ztoq_core.settings.config",
        "ztoq_core.engine",
        "ztoq_core.http",
        "ztoq_core.store",
    ),
    *("ztoq_mappings", "ztoq_qtest", "ztoq_zephyr"),
)


WITHOUT_PLUGINS = """
from importlib import metadata
metadata.entry_points = metadata.EntryPoints
from ztoq_core.cli import main
main()
"""
ALONE = (sys.executable, "-c", WITHOUT_PLUGINS)
"""The program as a process that finds no plugin: importing all of them takes as long again."""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["migrate", "--help"]], ids=str)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys; from ztoq_core.cli import run; run({arguments!r}); "
        f"print([name for name in {UNWANTED!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_the_version_is_that_of_the_package() -> None:
    command = [sys.executable, "-m", "ztoq_core", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"ztoq, version {version('ztoq-core')}\n"


def test_main_is_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["ztoq", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


def test_a_power_cut_is_not_swallowed() -> None:
    with pytest.raises(PowerCut), ErrorHandler(Options()):
        raise PowerCut


def test_a_flood_of_warnings_is_cut_short_unless_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = Options()
    for verbosity, shown in ((0, MOST_LOG_LINES + 1), (1, 50)):
        options.verbosity = verbosity
        output = Output(options)
        for _ in range(50):
            output.log_line("WARNING: test_case ACME-T1: refused\n")
        assert len(capsys.readouterr().err.splitlines()) == shown


def verbs(group: click.Group, path: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name in group.list_commands(click.Context(group)):
        command = group.load(name) if isinstance(group, LazyGroup) else group.commands[name]
        found[f"{path}{name}"] = command
        if isinstance(command, click.Group):
            found |= verbs(command, f"{path}{name} ")
    return found


@pytest.mark.parametrize("verb", verbs(root))
def test_every_help_begins_with_an_imperative_and_ends_with_an_example(verb: str) -> None:
    text = verbs(root)[verb].help or ""
    first = text.split()[0]
    assert first[0].isupper()
    assert not first.endswith(("s", "ing"))
    last = text.rstrip().split("\n\n")[-1]
    assert re.search(rf"Examples?:  ztoq .*{verb.split(maxsplit=1)[0]}", last)


@pytest.mark.parametrize("group", [root, verbs(root)["config"]], ids=str)
def test_the_list_of_verbs_shows_the_first_sentence_of_each(group: LazyGroup) -> None:
    context = click.Context(group)
    for name in COMMANDS if group is root else group.list_commands(context):
        listed = group.get_command(context, name)
        assert listed
        assert listed.help == " ".join((group.load(name).help or "").split("\n\n")[0].split())


def test_no_verb_is_a_stub() -> None:
    core = [verb for verb in verbs(root) if verb.split()[0] in COMMANDS]
    assert core == [
        "config",
        "config init",
        "config show",
        "config check",
        "config fields",
        "extract",
        "transform",
        "plan",
        "load",
        "migrate",
        "validate",
        "report",
        "status",
        "retry",
        "resolve",
        "rollback",
        "explain",
        "plugins",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("migrat",), "No such command 'migrat' (did you mean 'migrate'?)"),
        (("migrate", "--no-such"), "--no-such"),
        (("migrate", "--limit", "99999999999999999999"), "--limit"),
        (("migrate", "--limit", "0"), "--limit"),
    ],
)
def test_wrong_usage_exits_2_and_shows_how_it_goes(
    ztoq: Program, arguments: tuple[str, ...], message: str
) -> None:
    said = ztoq(*arguments)
    assert said.code == 2
    assert message in said.err
    assert "Usage: ztoq" in said.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[source]\nuse = "memory"\nprojekt = "A"\n[sink]\nuse = "memory"\n', "'project'"),
        ('[source\nuse = "memory"\n', "line 1"),
        ('[source]\nuse = "memroy"\n[sink]\nuse = "memory"\n', "no source called 'memroy'"),
    ],
)
def test_a_bad_config_exits_2(ztoq: Program, text: str, message: str) -> None:
    (ztoq.folder / "ztoq.toml").write_text(text)
    said = ztoq("migrate")
    assert said.code == 2
    assert message in said.err
    assert not (ztoq.folder / "ztoq.db").exists()


def test_a_missing_config_exits_2(ztoq: Program) -> None:
    said = ztoq("--config", "no.toml", "migrate")
    assert said.code == 2
    assert "ztoq config init" in said.err
    assert "Traceback" not in said.err


def test_a_log_file_that_cannot_be_written_exits_2(ztoq: Program) -> None:
    (ztoq.folder / "file").touch()
    said = ztoq("--log-file", "file/x.log", "status")
    assert said.code == 2
    assert "cannot write the log file" in said.err


@pytest.mark.parametrize("group", [(), ("config",), ("--help",)], ids=str)
def test_a_group_alone_prints_its_help_and_exits_0(ztoq: Program, group: tuple[str, ...]) -> None:
    said = ztoq(*group)
    assert said.code == 0
    assert "Usage: ztoq" in said.out


VERBS = [verb for verb, command in verbs(root).items() if not isinstance(command, click.Group)]


@pytest.mark.parametrize("verb", VERBS)
def test_global_options_work_before_and_after_each_verb(verb: str) -> None:
    found = {option for each in verbs(root)[verb].params for option in each.opts}
    assert {
        "--config",
        "-v",
        "--verbose",
        "-q",
        "--quiet",
        "--json",
        "--log-file",
        "--debug",
    } <= found


@pytest.mark.parametrize("verb", verbs(root))
def test_no_option_of_a_verb_takes_the_place_of_a_global_one(verb: str) -> None:
    names = Counter(each.name for each in verbs(root)[verb].params)
    everywhere = {each.name for each in root.params}
    assert {name for name, times in names.items() if times > 1} & everywhere == set()


def test_options_after_the_verb_count_as_those_before_it(ztoq: Program) -> None:
    (ztoq.folder / "ztoq.toml").rename(ztoq.folder / "other.toml")
    before = ztoq("--config", "other.toml", "--json", "status")
    after = ztoq("status", "--config", "other.toml", "--json")
    said = [[json.loads(line) for line in each.out.splitlines()] for each in (before, after)]
    for event in [*said[0], *said[1]]:
        event.pop("time", None)
    assert (before.code, said[0]) == (after.code, said[1])
    assert (
        ztoq("--config", "none.toml", "status", "--config", "other.toml", "-v").code == after.code
    )


def test_an_internal_fault_exits_70(ztoq: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ztoq_core.report.data.Report.from_store", lambda *_, **__: 1 / 0)
    ztoq("extract")
    said = ztoq("status")
    assert said.code == 70
    assert "internal fault in ztoq: ZeroDivisionError" in said.err
    assert "Traceback" not in said.err


def test_a_command_of_a_plugin_is_listed_by_metadata_and_imported_when_called(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = EntryPoint(name="count", value="tests.unit.cli.counting_plugin", group="ztoq.commands")

    def found(group: str) -> list[EntryPoint]:
        return [entry] if group == entry.group else []

    monkeypatch.setattr("ztoq_core.cli.app.entry_points", found)
    monkeypatch.setattr("ztoq_core.plugins.entry_points", found)
    assert "count" in ztoq("--help").out
    assert entry.value not in sys.modules
    assert ztoq("count", "--json").result["verb"] == "count"
    assert ztoq("coumt").code == 2


@pytest.mark.parametrize("arguments", [("plugins",), ("--help",)], ids=str)
def test_a_reader_that_goes_away_changes_no_exit_code(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [*ALONE, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [("plugins",), ("--help",), ("--json", "plugins")], ids=str)
@pytest.mark.parametrize("closed", sampled([">&-", "2>&-", ">&- 2>&-"], 2))
def test_a_stream_that_is_closed_changes_no_exit_code(
    arguments: tuple[str, ...], closed: str
) -> None:
    command = f"{shlex.join([*ALONE, *arguments])} {closed}"
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("unbuffered", sampled(["", "1"], 2))
@pytest.mark.parametrize("arguments", [("plugins",), ("--help",), ("--json", "plugins")], ids=str)
def test_a_full_disk_under_the_output_is_told_in_a_sentence(
    arguments: tuple[str, ...], unbuffered: str
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run(
            [*ALONE, *arguments],
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (3, "Error: No space left on device\n")
