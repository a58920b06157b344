"""What stands in the simulated qTest, without numbers that another run would give otherwise."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

KINDS = (
    "modules",
    "requirements",
    "test_cases",
    "releases",
    "builds",
    "test_cycles",
    "test_suites",
    "test_runs",
    "test_logs",
    "defects",
)
MARK = re.compile(r"Zephyr key: ([^<]+)")
# ``order`` among siblings follows the order of writing, which two runs do not share
UNSTABLE = frozenset({"id", "pid", "created", "order"})

Portrait = dict[str, list[Any]]


def portrait(dump: Any) -> Portrait:
    """Return what stands there by name: several things of one name are several values of it."""
    names = {
        (kind.replace("_", "-"), thing["id"]): _name(kind, thing)
        for kind in KINDS
        for thing in dump[kind]
    }
    steps = {
        step["id"]: f"step {step['order']} of {names['test-cases', case['id']]}"
        for case in dump["test_cases"]
        for version in case["versions"]
        for step in version["steps"]
    }
    found: Portrait = {}
    for kind in KINDS:
        for thing in dump[kind]:
            name = _name(kind, thing)
            found.setdefault(name, []).append(_Plain(names, steps).thing(thing))
    for owner, fields in dump["fields"].items():
        for field in fields:
            shown = {key: value for key, value in field.items() if key not in UNSTABLE}
            shown["values"] = sorted(shown["values"])
            found.setdefault(f"field {owner} {field['label']}", []).append(shown)
    pairs = [
        sorted((names.get((a, b), f"{a} {b}"), names.get((c, d), f"{c} {d}")))
        for a, b, c, d in dump["links"]
    ]
    found["links"] = [sorted(pairs)]
    found["parameters"] = [dump["parameters"]]
    found["cascades"] = [dump["cascades"]]
    return found


def _name(kind: str, thing: Any) -> str:
    key = thing["properties"].get("Zephyr key")
    if not key:
        texts = (thing.get("description"), thing.get("note"))
        marks = [mark for text in texts for mark in MARK.findall(text or "")]
        key = marks[-1] if marks else "/".join([*thing.get("path", ()), thing["name"]])
    return f"{kind} {key}"


class _Plain:
    """Replaces numbers of objects by their names."""

    def __init__(self, names: dict[tuple[str, int], str], steps: dict[int, str]) -> None:
        self.names = names
        self.steps = steps

    def thing(self, thing: Any) -> Any:
        shown = {key: value for key, value in thing.items() if key not in UNSTABLE}
        shown["parent"] = self.names.get(tuple(thing["parent"]), "root")
        shown["attachments"] = _files(thing["attachments"])
        for key, kind in (
            ("case", "test-cases"),
            ("run", "test-runs"),
            ("target_release", "releases"),
        ):
            if shown.get(key):
                shown[key] = self.names[kind, shown[key]]
        if "logs" in shown:
            shown["logs"] = [self.names["test-logs", number] for number in shown["logs"]]
        if "versions" in shown:
            shown["versions"] = [
                {**version, "id": None, "steps": [self.step(step) for step in version["steps"]]}
                for version in shown["versions"]
            ]
        if "steps" in shown:
            shown["steps"] = [self.step(step) for step in shown["steps"]]
        return shown

    def step(self, step: Any) -> Any:
        shown = {key: value for key, value in step.items() if key != "id"}
        shown["attachments"] = _files(step["attachments"])
        if "step" in shown:
            shown["step"] = self.steps.get(shown["step"], "?")
        if shown.get("called"):
            shown["called"] = self.names.get(("test-cases", shown["called"]), "?")
        return shown


def _files(files: Any) -> list[Any]:
    plain = [{key: value for key, value in file.items() if key != "id"} for file in files]
    return sorted(plain, key=lambda file: json.dumps(file, sort_keys=True))


def twice(found: Portrait, expected: Portrait) -> list[str]:
    """Return what stands more often than it should; a file within its owner counts too."""
    lines = [
        f"{name} stands {len(things)} times"
        for name, things in found.items()
        if len(things) > len(expected.get(name, ()))
    ]
    for name, things in found.items():
        if len(things) == len(expected.get(name, ())) == 1:
            more = _count(things[0]) - _count(expected[name][0])
            lines += [
                f"{name}: file {file} {number} times too often" for file, number in more.items()
            ]
    return lines


def _count(thing: Any) -> Counter[str]:
    if not isinstance(thing, dict):
        return Counter()
    steps = (thing.get("versions") or [{"steps": thing.get("steps", [])}])[-1]["steps"]
    owners = [thing, *steps]
    return Counter(
        f"{file['name']} {file['sha256'][:8]}"
        for owner in owners
        for file in owner.get("attachments", ())
    )


def differences(found: Portrait, expected: Portrait) -> list[str]:
    """Return what is missing, and each field that differs."""
    lines = [
        f"{name} is missing"
        for name, things in expected.items()
        if len(found.get(name, ())) < len(things)
    ]
    for name, things in expected.items():
        here = found.get(name, [])
        if len(here) == len(things):
            shown = sorted(here, key=_text), sorted(things, key=_text)
            for got, wanted in zip(*shown, strict=True):
                lines += [f"{name}: {line}" for line in _unlike(got, wanted)]
    return lines


def _text(thing: Any) -> str:
    return json.dumps(thing, sort_keys=True)


def _unlike(got: Any, wanted: Any, where: str = "") -> Iterator[str]:
    if isinstance(got, dict) and isinstance(wanted, dict):
        for key in sorted({*got, *wanted}):
            yield from _unlike(got.get(key), wanted.get(key), f"{where}.{key}")
    elif isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        for place, (one, other) in enumerate(zip(got, wanted, strict=True)):
            yield from _unlike(one, other, f"{where}[{place}]")
    elif got != wanted:
        yield f"{where.lstrip('.')} is {_short(got)}, expected {_short(wanted)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 160 else f"{text[:160]}…"
