"""Everything that stands in the simulated target as plain JSON, for comparisons by tests.

Choices appear by their labels, times as seconds since 1970, files by digest and size.
"""

from __future__ import annotations

from typing import Any

from ztoq_demo.qtest.fields import Form
from ztoq_demo.qtest.objects import (
    Attachment,
    Case,
    Cycle,
    Log,
    Module,
    Place,
    Release,
    Requirement,
    Run,
    Step,
    Suite,
    Thing,
)
from ztoq_demo.qtest.site import Site

KINDS = (
    "modules",
    "requirements",
    "test-cases",
    "releases",
    "builds",
    "test-cycles",
    "test-suites",
    "test-runs",
    "test-logs",
    "defects",
)


class _Dump:
    def __init__(self, site: Site, project: int) -> None:
        self.site = site
        self.state = site.state
        self.project = project

    def whole(self) -> dict[str, Any]:
        found = self.state.projects[self.project]
        kinds = {
            kind.replace("-", "_"): [
                self.thing(t) for t in self.state.of_project(self.project, kind)
            ]
            for kind in KINDS
        }
        return {
            "project": found.id,
            "fields": self.fields(),
            "parameters": sorted(found.parameters),
            "cascades": list(self.state.cascades),
            "links": self.links(),
            **kinds,
        }

    def fields(self) -> dict[str, list[dict[str, Any]]]:
        shown: dict[str, list[dict[str, Any]]] = {}
        for field in self.site.fields.table.values():
            if field.project not in (self.project, None):
                continue
            shown.setdefault(field.owner, []).append(
                {
                    "id": field.id,
                    "label": field.label,
                    "original_name": field.original_name,
                    "data_type": field.data_type,
                    "multiple": field.multiple,
                    "required": self.site.fields.is_required(field),
                    "system": field.system,
                    "active": field.is_active(self.project),
                    "values": [v.label for v in field.values.values()],
                }
            )
        return shown

    def links(self) -> list[list[str | int]]:
        pairs = {
            tuple(sorted((source, target)))
            for source, targets in self.state.links.items()
            for target in targets
        }
        return [[*first, *second] for first, second in sorted(pairs)]

    def thing(self, thing: Thing) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": thing.id,
            "pid": thing.pid,
            "name": thing.name,
            "parent": list(thing.parent),
            "order": thing.order,
            "created": thing.created,
            "stranger": thing.stranger,
            "properties": self.properties(thing),
            "attachments": self.files(thing.place),
            "comments": [c.content for c in self.state.comments.get(thing.place, {}).values()],
        }
        return shown | self.own(thing)

    def own(self, thing: Thing) -> dict[str, Any]:
        """Return what only this type has."""
        shown: dict[str, Any] = {}
        if not isinstance(thing, Log):
            shown["path"] = self.path(thing)
        match thing:
            case Module() | Cycle():
                shown["description"] = thing.description
            case Requirement():
                shown["external_key"] = thing.external_key
            case Case():
                shown |= self.case(thing)
            case Release():
                shown |= {"description": thing.description, "note": thing.note}
                shown |= {"start": thing.start, "end": thing.end}
            case Run():
                shown |= {
                    "case": thing.case.id,
                    "version": thing.version.label,
                    "status": thing.last_log.status.name if thing.last_log else "",
                    "logs": list(self.state.children.get((*thing.place, Log.type), ())),
                }
            case Log():
                shown |= self.log(thing)
            case _:
                pass
        if isinstance(thing, Cycle | Suite):
            shown |= {"target_release": thing.target_release, "target_build": thing.target_build}
        return shown

    def path(self, thing: Thing) -> list[str]:
        """Return the names of the folders above, from the root."""
        names: list[str] = []
        kind, number = thing.parent
        while kind != "root":
            above = self.state.objects[kind][number]
            names.insert(0, above.name)
            kind, number = above.parent
        return names

    def case(self, case: Case) -> dict[str, Any]:
        return {
            "description": case.latest.description,
            "precondition": case.latest.precondition,
            "version": case.latest.label,
            "approved": case.latest.approved,
            "versions": [
                {
                    "id": v.id,
                    "version": v.label,
                    "approved": v.approved,
                    "steps": [self.step(s) for s in v.steps],
                }
                for v in case.versions
            ],
        }

    def step(self, step: Step) -> dict[str, Any]:
        return {
            "id": step.id,
            "order": step.order,
            "description": step.description,
            "expected": step.expected,
            "called": step.called,
            "attachments": self.files(("test-steps", step.line)),
        }

    def log(self, log: Log) -> dict[str, Any]:
        return {
            "run": log.run.id,
            "case": log.run.case.id,
            "version": log.version.label,
            "status": log.status.name,
            "start": log.start,
            "end": log.end,
            "note": log.note,
            "automated": log.automated,
            "defects": list(log.defects),
            "steps": [
                {
                    "id": s.id,
                    "step": s.step.id,
                    "order": s.order,
                    "status": s.status.name,
                    "description": s.step.description,
                    "actual_result": s.actual_result,
                    "called": s.called,
                    "defects": list(s.defects),
                    "attachments": self.files(("test-step-logs", s.id)),
                }
                for s in log.steps
            ],
        }

    def properties(self, thing: Thing) -> dict[str, str | list[str]]:
        """Return the values by label; of choices the labels, of several a list."""
        shown: dict[str, str | list[str]] = {}
        for number, value in thing.properties.items():
            field = self.site.fields.table.get(number)
            if field is None or not value:
                continue
            if field.form in (Form.MULTIPLE, Form.USERS):
                shown[field.label] = self.site.fields.names_of(field, value)
            else:
                name = self.site.fields.name_of(field, value)
                shown[field.label] = value if name is None else name
        return shown

    def files(self, place: Place) -> list[dict[str, Any]]:
        owned = self.state.attached.get(place, ())
        return [_file(self.state.attachments[number]) for number in owned]


def _file(value: Attachment) -> dict[str, Any]:
    return {
        "id": value.id,
        "name": value.name,
        "content_type": value.content_type,
        "size": value.size,
        "sha256": value.sha256,
    }


def dump(site: Site, project: int) -> dict[str, Any]:
    """Return everything that stands in a project."""
    return _Dump(site, project).whole()
