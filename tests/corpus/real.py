"""The public cases of project mattermost-test-management, put back into the source's shape.

The files lie outside the repository (``shared/data/mattermost``). Names of folders, statuses,
priorities and components in the cases are joined with the lists of the same day to the ids that the
service serves; account ids do not occur in the files.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(kw_only=True)
class Real:
    """Cases with their lists, as plain dicts of the source's JSON with ids as references.

    A case has ``folder``, ``status``, ``priority``, ``component`` and ``owner`` as bare ids, and
    ``steps`` as the service serves them, each with an ``id``.
    """

    cases: list[Json]
    folders: list[Json]
    statuses: list[Json]
    priorities: list[Json]
    environments: list[Json]
    components: dict[int, str]
    by_key: dict[str, Json] = field(init=False)

    def __post_init__(self) -> None:
        self.by_key = {case["key"]: case for case in self.cases}


def load(folder: Path, *, cases: int | None, seed: int) -> Real:
    """Return ``cases`` of the real cases (None: all), closed under called cases.

    A cut prefers what is rare: cases that call others, long ones, names of several lines, steps
    without texts; the rest is drawn by ``seed``. Folders of the cut are those of its cases with
    their parents, and every tenth of the others.
    """
    folders = _list(folder, "folders")
    statuses = _list(folder, "statuses")
    priorities = _list(folder, "priorities")
    components = {each["id"]: each["name"] for each in _list(folder, "components")}
    folder_ids = {each["fullPath"]: each["id"] for each in folders}
    status_ids = {each["name"]: each["id"] for each in statuses}
    priority_ids = {each["name"]: each["id"] for each in priorities}
    component_ids = {name: key for key, name in components.items()}
    found: list[Json] = []
    with gzip.open(folder / "testcases-2022-09-07.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            found.append(
                {
                    "id": raw["id"],
                    "key": raw["key"],
                    "name": raw["name"],
                    "createdOn": raw["createdOn"],
                    "objective": raw["objective"],
                    "precondition": raw["precondition"],
                    "estimatedTime": raw["estimatedTime"],
                    "labels": raw["labels"],
                    "customFields": raw["customFields"],
                    "folder": folder_ids[raw["folderFullPath"]],
                    "status": status_ids[raw["statusName"]],
                    "priority": priority_ids[raw["priorityName"]],
                    "component": component_ids.get(raw["componentName"]),
                    "owner": None,
                    "steps": [
                        {"id": raw["id"] * 100 + number, **step}
                        for number, step in enumerate(raw["steps"])
                    ],
                    "issues": [],
                    "webLinks": [],
                }
            )
    if cases is not None and cases < len(found):
        found = _cut(found, cases, seed)
        folders = _needed(folders, {case["folder"] for case in found})
    return Real(
        cases=found,
        folders=[
            {key: each[key] for key in ("id", "parentId", "name", "index", "folderType")}
            for each in folders
        ],
        statuses=statuses,
        priorities=priorities,
        environments=_list(folder, "environments"),
        components=components,
    )


def _list(folder: Path, name: str) -> list[Json]:
    body: list[Json] = json.loads((folder / f"{name}.2022-09-07.json").read_text("utf-8"))
    return body


def calls(case: Json) -> list[str]:
    """Return the keys of the cases that the steps of ``case`` call, in order."""
    return [step["testCase"]["testCaseKey"] for step in case["steps"] if step["testCase"]]


def _cut(cases: list[Json], wanted: int, seed: int) -> list[Json]:
    by_key = {case["key"]: case for case in cases}
    shuffled = sorted(by_key)
    random.Random(seed).shuffle(shuffled)
    rare: tuple[Callable[[Json], bool], ...] = (
        lambda case: bool(calls(case)),
        lambda case: len(case["steps"]) > 15,
        lambda case: "\n" in case["name"],
        lambda case: not case["name"].isascii(),
        lambda case: any(not _texts(step) for step in case["steps"]),
        lambda case: case["component"] is not None,
    )
    order: list[str] = []
    for trait in rare:
        order += [key for key in shuffled if trait(by_key[key])][: max(2, wanted // 20)]
    chosen: dict[str, Json] = {}
    for key in [*order, *shuffled]:
        closure = _closure(key, by_key)
        if len(chosen) + len(closure - chosen.keys()) <= wanted:
            chosen.update({each: by_key[each] for each in closure})
        if len(chosen) == wanted:
            break
    return [case for case in cases if case["key"] in chosen]


def _closure(key: str, by_key: dict[str, Json]) -> set[str]:
    found: set[str] = set()
    todo = [key]
    while todo:
        each = todo.pop()
        if each not in found:
            found.add(each)
            todo += calls(by_key[each])
    return found


def _needed(folders: list[Json], used: set[int]) -> list[Json]:
    by_id = {each["id"]: each for each in folders}
    todo = [*used, *sorted(by_id)[::10]]
    keep: set[int] = set()
    while todo:
        each = todo.pop()
        if each is not None and each not in keep:
            keep.add(each)
            todo.append(by_id[each]["parentId"])
    return [each for each in folders if each["id"] in keep]


def _texts(step: Json) -> bool:
    inline = step["inline"]
    return not inline or any(inline[name] for name in ("description", "testData", "expectedResult"))
