"""The files around the code say the same thing wherever they say it twice."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = (
    ROOT,
    *sorted((ROOT / "plugins").glob("ztoq-*")),
    *sorted((ROOT / "mappings").glob("ztoq-*")),
)


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def tox() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read_string(text("tox.ini"))
    return parser


def commands_of_readme() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", text("README.md"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_ci_runs_the_commands_of_the_readme() -> None:
    test_command = next(line for line in commands_of_readme() if line.endswith("&& tox"))
    lines = text(".ci/run").splitlines()

    assert test_command in lines
    assert "tox -e acceptance" in lines[lines.index(test_command) :]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_set_up_names_all_distributions() -> None:
    set_up = next(line for line in commands_of_readme() if line.endswith("&& ztoq demo"))
    install = next(part for part in set_up.split(" && ") if "pip install" in part)
    globs = install.removeprefix("python -m pip install ").split()
    paths = [
        path for each in globs for path in (sorted(ROOT.glob(each[2:])) if each[1:] else [ROOT])
    ]

    assert paths == list(DISTRIBUTIONS)


def test_the_workflow_calls_tox_and_nothing_else() -> None:
    runs = re.findall(r"- run: (.+)", text(".github/workflows/ci.yml"))

    assert runs
    assert all(run.removeprefix("python -m pip install tox && ").startswith("tox") for run in runs)


def test_tox_installs_from_paths_alone() -> None:
    settings = tox()

    assert settings["testenv"]["skip_install"] == "true"
    paths = [line.removeprefix("-e ") for line in settings["all"]["paths"].split("\n") if line]
    found = [(ROOT / path.partition("[")[0]).resolve() for path in paths]
    assert sorted(found) == sorted(DISTRIBUTIONS)


@pytest.mark.parametrize(("tool", "repository"), [("ruff", "ruff-pre-commit"), ("codespell",) * 2])
def test_hooks_before_a_commit_are_pinned_as_in_tox(tool: str, repository: str) -> None:
    pinned = re.search(rf"^{tool} == (\S+)$", tox()["testenv:lint"]["deps"], re.MULTILINE)
    hooks = text(".pre-commit-config.yaml")
    hook = re.search(rf"/{repository}\n\s+rev: v(\S+)$", hooks, re.MULTILINE)

    assert pinned is not None
    assert hook is not None
    assert pinned.group(1) == hook.group(1)


def test_the_oldest_releases_are_those_that_the_distributions_accept() -> None:
    of_site = [line.split(" >= ") for line in tox()["all"]["docs"].splitlines() if line]
    wanted = {name: _three(version) for name, version in of_site}
    for each in DISTRIBUTIONS:
        project = tomllib.loads((each / "pyproject.toml").read_text("utf-8"))["project"]
        extras = project.get("optional-dependencies", {})
        for requirement in sum(
            (extras[name] for name in ("postgres", "keyring", "xlsx") if name in extras),
            project["dependencies"],
        ):
            name, _, versions = requirement.partition(">=")
            if not name.startswith("ztoq-") and "sys_platform" not in requirement:
                wanted[name.partition("[")[0]] = _three(versions.partition(",")[0])
    lines = [line for line in text(".ci/lowest.txt").splitlines() if not line.startswith("#")]
    pinned = dict(line.split(" == ") for line in lines)

    assert pinned == wanted


def _three(version: str) -> str:
    return ".".join([*version.split("."), "0", "0"][:3])


def test_all_distributions_have_one_version_and_ask_for_this_core() -> None:
    projects = [
        tomllib.loads((each / "pyproject.toml").read_text("utf-8"))["project"]
        for each in DISTRIBUTIONS
    ]
    major, minor, _ = projects[0]["version"].split(".")

    assert len({each["version"] for each in projects}) == 1
    asked = f"ztoq-core>={major}.{minor},<{major}.{int(minor) + 1}"
    assert all(asked in each["dependencies"] for each in projects[1:])
    assert all(each["requires-python"] == ">=3.11" for each in projects)


def test_the_changelog_names_this_version() -> None:
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert f"## [{version}]" in text("CHANGELOG.md")


FOR_NAMES = {"python-backoff": "backoff", "google-re2": "re2", "psycopg": "psycopg"}


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda path: path.name)
def test_a_distribution_declares_what_it_imports_and_nothing_else(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    required = [re.split(r"[\[<>=; ]", each)[0] for each in project["dependencies"]]
    optional = [re.split(r"[\[<>=; ]", each)[0] for part in extras.values() for each in part]
    package = f"ztoq_{'core' if folder == ROOT else folder.name.removeprefix('ztoq-')}"
    imported: set[str] = set()
    for path in (folder / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {package, "__future__", "playhouse"}
    names = {FOR_NAMES.get(each, each.replace("-", "_")): each for each in [*required, *optional]}
    mandatory = {FOR_NAMES.get(each, each.replace("-", "_")) for each in required}

    assert foreign <= set(names)
    plugins = {each for each in mandatory if each.startswith("ztoq_")}  # used by name
    assert mandatory - {"tzdata"} - plugins <= foreign


def test_one_place_knows_where_the_shared_folder_is() -> None:
    """A path counted from each test's own file is wrong as soon as the file moves."""
    own = {ROOT / "tests" / "shared.py", Path(__file__)}
    tests = {ROOT / "conftest.py", *ROOT.glob("tests/**/*.py"), *ROOT.glob("*/*/tests/**/*.py")}
    counted = re.compile(r"""/ ["']shared["'/]""")
    assert [path for path in sorted(tests - own) if counted.search(path.read_text("utf-8"))] == []
