"""Turns Zephyr Scale's XML export into records.

Sources: the elements that several exporters in public code have, and a real export from the Cloud
of 2025 that somebody published; read 2026-11. That ``estimatedTime`` is in milliseconds, as in the
REST API, is a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs

from ztoq_core.plugin import (
    Attachment,
    ConfigError,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Note,
    Record,
    Ref,
    Script,
    TestCase,
    TestStep,
    Tree,
    Value,
)
from ztoq_files.note_codes import ELEMENT_NOT_READ, FILE_NOT_IN_EXPORT
from ztoq_files.zephyr_xml.elements import Element, parse

_TYPES: Mapping[str, FieldType] = {
    "CHECKBOX": FieldType.CHECKBOX,
    "DATE": FieldType.DATE,
    "DECIMAL": FieldType.NUMBER,
    "MULTI_CHOICE_SELECT_LIST": FieldType.MULTI_CHOICE,
    "MULTI_LINE_TEXT": FieldType.RICH_TEXT,
    "NUMBER": FieldType.NUMBER,
    "SINGLE_CHOICE_SELECT_LIST": FieldType.CHOICE,
    "SINGLE_LINE_TEXT": FieldType.TEXT,
    "USER_LIST": FieldType.USER,
}
"""The types of custom fields; one of another type keeps its value as text."""
_MILLISECONDS = 1000
_SHOWN = 60


@attrs.frozen
class Export:
    """The records of an export; files only where their folder is known."""

    path: Path
    with_files: bool = False

    def read(self) -> dict[Kind, tuple[Record, ...]]:
        """Read the whole export.

        Raises:
            ConfigError: It cannot be used; the message names the line.
        """
        root = parse(self.path)
        cases = next(root.all("testCases"), None)
        if root.tag != "project" or cases is None:
            raise ConfigError(
                f"{self.path}: it is not an export of test cases from Zephyr Scale: <project> with"
                " <testCases> was expected"
            )
        folders = self._declared(root)
        records: dict[str, TestCase] = {}
        files: list[Record] = []
        for element in cases.all("testCase"):
            case, own = self._case(element)
            if case.key in records:
                raise self._fault(element, f"the key {case.key!r} is there twice")
            records[case.key] = case
            files += own
            self._add_folders(folders, _names(element.string("folder")))
        return {
            Kind.FOLDER: tuple(folders.values()),
            Kind.TEST_CASE: tuple(records.values()),
            Kind.ATTACHMENT: tuple(files),
        }

    # -------------------------------------------------------------------------------- folders

    def _declared(self, root: Element) -> dict[tuple[str, ...], Folder]:
        found: dict[tuple[str, ...], Folder] = {}
        for group in root.all("folders"):
            for element in group.all("folder"):
                names = _names(element.attributes.get("fullPath", ""))
                if not names:
                    raise self._fault(element, "a folder has no 'fullPath'")
                index = element.attributes.get("index", "0")
                if not index.lstrip("-").isdecimal():
                    raise self._fault(element, f"'index' is {index!r}, expected a number")
                self._add_folders(found, names)
                found[names] = attrs.evolve(found[names], order=int(index), raw=element.plain())
        return found

    @staticmethod
    def _add_folders(found: dict[tuple[str, ...], Folder], names: tuple[str, ...]) -> None:
        for depth in range(1, len(names) + 1):
            path = names[:depth]
            if path not in found:
                found[path] = Folder(
                    key=_key(path),
                    name=path[-1],
                    tree=Tree.CASES,
                    parent=_folder(path[:-1]),
                    raw={"fullPath": _key(path)},
                )

    # ----------------------------------------------------------------------------------- cases

    def _case(self, element: Element) -> tuple[TestCase, Sequence[Attachment]]:
        key, name = element.attributes.get("key", "").strip(), element.string("name")
        if not key:
            raise self._fault(element, "a test case has no 'key'")
        if not name:
            raise self._fault(element, f"{key} has no <name>")
        steps, script = self._script(element)
        case = TestCase(
            key=key,
            name=name,
            description=element.string("objective"),
            precondition=element.string("precondition"),
            status=element.string("status"),
            priority=element.string("priority"),
            component=element.string("component"),
            owner=element.string("owner"),
            labels=tuple(each.text for each in _inner(element, "labels", "label") if each.text),
            folder=_folder(_names(element.string("folder"))),
            created=self._moment(element, "createdOn"),
            estimated=self._seconds(element),
            links=tuple(self._links(element)),
            fields=tuple(self._fields(element)),
            steps=steps,
            script=script,
            raw=element.plain(),
        )
        files, notes = self._files(element, case)
        left = dict.fromkeys(f"<{each.tag}>" for each in element.untaken())
        if left:
            notes.append(ELEMENT_NOT_READ.note(f"not read from the export: {', '.join(left)}"))
        return attrs.evolve(case, notes=tuple(notes)), files

    def _script(self, element: Element) -> tuple[tuple[TestStep, ...], Script | None]:
        script = element.child("testScript")
        if script is None:
            return (), None
        kind = script.attributes.get("type", "steps").lower()
        if kind == "steps":
            found = _inner(script, "steps", "step")
            return tuple(self._step(each, place) for place, each in enumerate(found, 1)), None
        for language in ("plain", "bdd"):
            if kind.startswith(language):
                text = script.string("details")
                return (), Script(language=language, text=text) if text else None
        raise self._fault(script, f"the test script is of the unknown type {kind!r}")

    def _step(self, element: Element, place: int) -> TestStep:
        return TestStep(
            key=str(place),
            description=element.string("description"),
            data=element.string("testData"),
            expected=element.string("expectedResult"),
            fields=tuple(self._fields(element)),
        )

    def _fields(self, element: Element) -> Iterator[FieldValue]:
        seen: set[str] = set()
        for field in _inner(element, "customFields", "customField"):
            name = field.attributes.get("name", "")
            if not name.strip():
                raise self._fault(field, "a custom field has no 'name'")
            if name in seen:
                raise self._fault(field, f"the custom field {name!r} is there twice")
            seen.add(name)
            type_ = _TYPES.get(field.attributes.get("type", ""))
            values = [each.text for each in field.all("value") if each.text]
            if values:
                yield FieldValue(name=name, value=self._value(field, type_, values), type=type_)

    def _value(self, field: Element, type_: FieldType | None, values: list[str]) -> Value:
        if type_ is FieldType.MULTI_CHOICE:
            return tuple(values)
        text = ", ".join(values)
        if type_ is FieldType.CHECKBOX:
            if text not in {"true", "false"}:
                raise self._fault(field, f"is {text[:_SHOWN]!r}, expected true or false")
            return text == "true"
        if type_ is FieldType.NUMBER:
            try:
                return float(text) if "." in text else int(text)
            except ValueError:
                raise self._fault(field, f"is {text[:_SHOWN]!r}, expected a number") from None
        return text

    def _links(self, element: Element) -> Iterator[Link]:
        for issue in _inner(element, "issues", "issue"):
            key = issue.string("key")
            if not key:
                raise self._fault(issue, "an issue has no <key>")
            yield Link(type=LinkType.COVERAGE, issue_key=key, text=issue.string("summary"))

    def _files(self, element: Element, case: TestCase) -> tuple[list[Attachment], list[Note]]:
        names = [each.string("name") for each in _inner(element, "attachments", "attachment")]
        names = [name for name in names if name]
        if names and not self.with_files:
            text = f"the export names files and does not hold them: {', '.join(names)}"
            return [], [FILE_NOT_IN_EXPORT.note(text)]
        return [
            Attachment(
                key=f"{case.key}#{number}",
                name=name,
                owner=case.ref,
                locator=f"{case.key}/{name}",
                raw={"name": name},
            )
            for number, name in enumerate(names, 1)
        ], []

    # ---------------------------------------------------------------------------------- values

    def _moment(self, element: Element, tag: str) -> datetime | None:
        found = element.child(tag)
        if found is None or not found.text:
            return None
        try:
            moment = datetime.fromisoformat(found.text.removesuffix(" UTC"))
        except ValueError:
            why = f"is {found.text[:_SHOWN]!r}, expected a time like 2025-07-07 16:14:56 UTC"
            raise self._fault(found, why) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _seconds(self, element: Element) -> float | None:
        found = element.child("estimatedTime")
        if found is None or not found.text:
            return None
        if not found.text.isdecimal():
            raise self._fault(found, f"is {found.text[:_SHOWN]!r}, expected milliseconds")
        return int(found.text) / _MILLISECONDS

    def _fault(self, element: Element, why: str) -> ConfigError:
        return ConfigError(f"{self.path}: line {element.line}: <{element.tag}>: {why}")


def _inner(element: Element, outer: str, inner: str) -> list[Element]:
    return [each for group in element.all(outer) for each in group.all(inner)]


def _names(path: str) -> tuple[str, ...]:
    return tuple(name for each in path.split("/") if (name := each.strip()))


def _key(names: Sequence[str]) -> str:
    return "".join(f"/{name}" for name in names)


def _folder(names: Sequence[str]) -> Ref | None:
    return Ref(Kind.FOLDER, _key(names)) if names else None
