"""Invents a project as a folder of JSON Lines, line by line, so that its size costs no memory.

The cases have the texts of ``invented``; every case is executed so often, each time in another
cycle, so that there is a run for each log.

``python -m tests.performance.invented_folder FOLDER CASES EXECUTIONS`` writes one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.performance.invented import KEY, PER_CYCLE, PER_FOLDER, WORDS

Line = Mapping[str, Any]


def _ref(kind: str, key: str) -> Line:
    return {"kind": kind, "key": key}


def _case(place: int) -> Line:
    steps = [
        {
            "key": str(number),
            "description": f"<p>{WORDS * 2}</p>",
            "data": f"language {place}",
            "expected": f"<p>{WORDS}</p>",
        }
        for number in (1, 2)
    ]
    return {
        "key": f"{KEY}-T{place}",
        "name": f"Language {place} can be chosen",
        "folder": _ref("folder", f"F{place // PER_FOLDER}"),
        "priority": ("Normal", "High")[place % 2],
        "status": ("Draft", "Approved")[place % 2],
        "description": f"<p>{WORDS}</p><ul><li>{place}</li></ul>",
        "precondition": f"<p>{WORDS}</p>",
        "labels": ["settings", f"group-{place % 7}"],
        "fields": [
            {"name": "Browser", "value": ("Chrome", "Firefox", "Safari")[place % 3]},
            {"name": "Points", "value": place % 13},
        ],
        "steps": steps,
    }


def _per_cycle(cases: int) -> int:
    return min(PER_CYCLE, cases)  # a case is once in a cycle


def _run(place: int, cases: int) -> Line:
    cycle = f"{KEY}-R{place // _per_cycle(cases)}"
    case = f"{KEY}-T{place % cases}"
    return {
        "key": f"{cycle}/{case}",
        "name": f"Language {place % cases} can be chosen",
        "case": _ref("test_case", case),
        "cycle": _ref("test_cycle", cycle),
    }


def _log(place: int, cases: int) -> Line:
    run = _run(place, cases)
    status = ("Pass", "Fail")[place % 2]
    steps = _case(place % cases)["steps"]
    return {
        "key": f"{KEY}-E{place}",
        "case": run["case"],
        "run": _ref("test_run", run["key"]),
        "status": status,
        "ended": f"2024-03-{1 + place % 28:02}T10:{place % 60:02}:00+00:00",
        "duration": 60.0,
        "comment": f"<p>{WORDS}</p>",
        "results": [
            {**step, "status": status, "actual": "as expected", "step": step["key"]}
            for step in steps
        ],
    }


def write(folder: Path, cases: int, executions: int) -> None:
    """Write the folder of such a project, in a format that the source ``jsonl`` reads."""
    cycles = -(-executions // _per_cycle(cases))
    folders = -(-cases // PER_FOLDER)
    kinds: Mapping[str, Iterator[Line]] = {
        "folder": (
            {"key": f"F{place}", "name": f"Group {place}", "tree": "cases"}
            for place in range(folders)
        ),
        "test_case": map(_case, range(cases)),
        "test_cycle": (
            {"key": f"{KEY}-R{place}", "name": f"Cycle {place}", "status": "Done"}
            for place in range(cycles)
        ),
        "test_run": (_run(place, cases) for place in range(executions)),
        "test_log": (_log(place, cases) for place in range(executions)),
    }
    folder.mkdir()
    manifest = {"format": "ztoq-records", "version": 1}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    for kind, lines in kinds.items():
        with (folder / f"{kind}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)


if __name__ == "__main__":
    target, *counts = sys.argv[1:]
    write(Path(target), *map(int, counts))
