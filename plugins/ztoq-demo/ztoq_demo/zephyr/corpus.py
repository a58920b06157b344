"""Reads and writes corpus files: the projects that the simulator serves.

A corpus is JSON in the words of ``model``: an attribute's name is its key, what has its default may
be left out, unknown keys are refused.

``name.json``
    one project, or a list of projects::

        {"id": 7, "key": "ACME", "statuses": [{"id": 1, "name": "Draft", "type": "TEST_CASE"}],
         "priorities": [{"id": 2, "name": "Normal"}],
         "cases": [{"id": 3, "key": "ACME-T1", "name": "Log in", "status_id": 1, "priority_id": 2,
                    "steps": [{"id": 4, "description": "Open the page"},
                              {"id": 5, "call": {"case_key": "ACME-T2"}}],
                    "files": [{"id": 6, "name": "a.txt", "base64": "aGVsbG8="},
                              {"id": 7, "name": "b.png", "path": "pictures/b.png"},
                              {"id": 8, "name": "c.pdf", "size": 1000000, "seed": 1}]}]}

``name.jsonl`` (or ``name.jsonl.gz``)
    one object a line, for large corpora: a line ``{"project": {…}}`` without lists, then its
    content, a line each: ``{"case": {…}}``, ``{"execution": {…}}`` and so on; the key is the list's
    name in the singular (``person`` for ``people``).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import cattrs
import orjson
from cattrs.preconf.orjson import make_converter

from ztoq_demo.zephyr.jira import Component, Issue, Person, Version
from ztoq_demo.zephyr.model import (
    Case,
    Cycle,
    Environment,
    Execution,
    Folder,
    Plan,
    Priority,
    Project,
    Status,
)

_LISTS: dict[str, tuple[str, type[Any]]] = {
    "folder": ("folders", Folder),
    "status": ("statuses", Status),
    "priority": ("priorities", Priority),
    "environment": ("environments", Environment),
    "component": ("components", Component),
    "version": ("versions", Version),
    "issue": ("issues", Issue),
    "person": ("people", Person),
    "case": ("cases", Case),
    "cycle": ("cycles", Cycle),
    "plan": ("plans", Plan),
    "execution": ("executions", Execution),
}

_converter = make_converter(omit_if_default=True, forbid_extra_keys=True)


def to_json(project: Project) -> dict[str, Any]:
    """Return the project in corpus form."""
    body: dict[str, Any] = _converter.unstructure(attrs.evolve(project, base=None))
    return body


def from_json(body: Any, base: Path | None = None) -> Project:
    """Return the project that ``to_json`` gave; ``base`` is where relative file paths count from.

    Raises:
        ValueError: The body is no project; the message has a line for each problem.
    """
    project: Project = _structure(body, Project)
    project.base = base
    return project


def read(path: Path) -> list[Project]:
    """Return the projects of a corpus file.

    Raises:
        ValueError: The file is no corpus.
        OSError: It cannot be read.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    try:
        if _by_line(path):
            return list(_assembled(content.splitlines(), path.parent))
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{path}: no JSON: {error}") from error
    return [from_json(each, path.parent) for each in (body if isinstance(body, list) else [body])]


def write(path: Path, projects: Sequence[Project]) -> None:
    """Write a corpus file, in the form that its name's ending says."""
    if not _by_line(path):
        path.write_bytes(orjson.dumps([to_json(each) for each in projects]))
        return
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        for line in _lines(projects):
            file.write(orjson.dumps(line) + b"\n")


def _by_line(path: Path) -> bool:
    return path.name.endswith((".jsonl", ".jsonl.gz"))


def _lines(projects: Iterable[Project]) -> Iterator[dict[str, Any]]:
    for project in projects:
        lists = {name for name, _ in _LISTS.values()}
        head = {name: value for name, value in to_json(project).items() if name not in lists}
        yield {"project": head}
        for word, (name, _) in _LISTS.items():
            for each in getattr(project, name):
                yield {word: _converter.unstructure(each)}


def _assembled(lines: Iterable[bytes], base: Path) -> Iterator[Project]:
    project: Project | None = None
    for number, line in enumerate(lines, 1):
        ((word, body),) = orjson.loads(line).items()
        if word == "project":
            if project is not None:
                yield project
            project = from_json(body, base)
        elif project is None or word not in _LISTS:
            raise ValueError(f"line {number}: {word!r} is not expected here")
        else:
            name, type_ = _LISTS[word]
            getattr(project, name).append(_structure(body, type_))
    if project is not None:
        yield project


def _structure(body: Any, type_: type[Any]) -> Any:
    try:
        return _converter.structure(body, type_)
    except cattrs.BaseValidationError as error:
        raise ValueError("\n".join(cattrs.transform_error(error))) from error
