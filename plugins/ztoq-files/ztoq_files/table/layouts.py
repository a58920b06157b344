"""Which column holds which property of a test case: as Zephyr exports them, as qTest imports them.

Sources: the columns of Zephyr's export from its user interface, as several exporters in public code
have them; the sample of qTest's "Import from Excel" (a tutorial; Tricentis' own page was not at
hand), read 2026-11. What neither has is a column of its own: ``Key``, by which ztoq knows a case
again, and custom fields by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

import attrs

from ztoq_core.plugin import (
    FieldValue,
    Kind,
    Link,
    LinkType,
    Ref,
    Script,
    TestCase,
    TestStep,
    Value,
    folded,
    plain_text,
)

Cells = Mapping[str, str]

KEY = "Key"
_CLOCK = re.compile(r"([0-9]{1,6}):([0-5][0-9])(?::([0-5][0-9]))?\Z")
_LONGEST = 1_000_000 * 3600
_COMMA = re.compile(r"\s*,\s*")
_LINES = re.compile(r"\s*\n\s*")


class CellError(ValueError):
    """A cell cannot be read: its column's title, and why."""

    def __init__(self, title: str, why: str) -> None:
        """Take the column and the reason."""
        super().__init__(why)
        self.title = title


@attrs.frozen(kw_only=True)
class Layout:
    """The columns of a table, in order.

    ``before`` and ``after`` map the titles of the columns around those of the steps to properties
    of the case. ``steps`` are the titles of description, test data (``""``: none) and expected
    result, ``number`` that of the step's number. ``fields_first``: custom fields are before the
    steps, else at the end. ``rich``: texts are HTML, as in records.
    """

    name: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    steps: tuple[str, str, str]
    number: str = ""
    ignored: tuple[str, ...] = ()
    fields_first: bool = False
    rich: bool = True

    @property
    def of_case(self) -> Mapping[str, str]:
        """The properties of the case by title."""
        return {**self.before, **self.after}

    @property
    def of_steps(self) -> tuple[str, ...]:
        """The titles of the columns that each row of a case fills."""
        return tuple(title for title in (self.number, *self.steps) if title)

    @property
    def title_of_key(self) -> str:
        """The title of the column with the key."""
        return next(title for title, name in self.of_case.items() if name == "key")

    def header(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Return the titles, with those of these custom fields."""
        if self.fields_first:
            return (*self.before, *fields, *self.of_steps, *self.after)
        return (*self.before, *self.of_steps, *self.after, *fields)

    def may_be_field(self, name: str) -> bool:
        """Whether a custom field can have a column of this title."""
        taken = {folded(title) for title in (*self.header(()), *self.ignored)}
        as_title = bool(name) and name == name.strip() and name.isprintable()
        return as_title and folded(name) not in taken

    # ------------------------------------------------------------------------ record to rows

    def rows(self, case: TestCase, path: Sequence[str]) -> list[dict[str, str]]:
        """Return the cells of a case by title, a row for each step; the first has the rest."""
        first = {title: self._cell(case, path, name) for title, name in self.of_case.items()}
        for field in case.fields:
            if self.may_be_field(field.name):
                first.setdefault(field.name, self.text(value_text(field.value)))
        rows = [dict(self._step(step, number)) for number, step in enumerate(case.steps, 1)]
        return [{**first, **(rows[0] if rows else {})}, *rows[1:]]

    def _cell(self, case: TestCase, path: Sequence[str], name: str) -> str:
        text = _WRITE[name](case, path)
        return self.text(text) if name in _HTML else text

    def _step(self, step: TestStep, number: int) -> Iterator[tuple[str, str]]:
        description = step.description
        if step.call and not description:
            description = f"Call {escape(step.call.case.key, quote=False)}"
        data, (title, data_title, expected_title) = step.data, self.steps
        if not data_title and data:
            description, data = f"{description}<p>Test data: {data}</p>", ""
        if self.number:
            yield self.number, str(number)
        yield title, self.text(description)
        if data_title:
            yield data_title, self.text(data)
        yield expected_title, self.text(step.expected)

    def text(self, html: str) -> str:
        """Return a text as cells hold it."""
        return html if self.rich else plain_text(html)

    # ------------------------------------------------------------------------ rows to record

    def case_of(self, rows: Sequence[Cells], key: str) -> TestCase:
        """Return the case that these rows hold.

        Raises:
            CellError: A cell cannot be read.
        """
        first = rows[0]
        found: dict[str, Any] = {"key": key, "links": ()}
        for title, name in self.of_case.items():
            cell = first.get(title, "")
            if cell and name != "key":
                read = _READ[name](title, self.html(cell) if name in _HTML else cell)
                links = (*found["links"], *read.pop("links", ()))
                found |= {**read, "links": links}
        known = {*self.header(()), *self.ignored}
        fields = tuple(
            FieldValue(name=title, value=self.html(cell))
            for title, cell in first.items()
            if title not in known and cell
        )
        return TestCase(**{"name": "", **found}, fields=fields, steps=tuple(self._steps(rows)))

    def _steps(self, rows: Sequence[Cells]) -> Iterator[TestStep]:
        number = 0
        for row in rows:
            texts = [self.html(row.get(title, "")) if title else "" for title in self.steps]
            if any(texts) or (self.number and row.get(self.number)):
                number += 1
                description, data, expected = texts
                yield TestStep(
                    key=str(number), description=description, data=data, expected=expected
                )

    def html(self, cell: str) -> str:
        """Return the HTML that a cell stands for."""
        return cell if self.rich else escape(cell, quote=False).replace("\n", "<br>")


# ------------------------------------------------------------------------------------ properties

_HTML = frozenset({"description", "precondition"})


def folder_path(names: Sequence[str]) -> str:
    """Return the path of a folder: ``/Shop/Basket``; ``""`` if there is none."""
    return "".join(f"/{name}" for name in names)


def path_names(path: str) -> tuple[str, ...]:
    """Return the names in the path of a folder."""
    return tuple(name for name in path.split("/") if name)


def value_text(value: Value) -> str:
    """Return a value of a field as a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def _clock(case: TestCase, _: Sequence[str]) -> str:
    if case.estimated is None or not 0 <= case.estimated < _LONGEST:
        return ""
    minutes, seconds = divmod(int(case.estimated), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")


def _issues(case: TestCase, _: Sequence[str]) -> str:
    links = (each for each in case.links if each.type is LinkType.COVERAGE)
    return ", ".join(each.issue_key for each in links if each.issue_key)


def _pages(case: TestCase, _: Sequence[str]) -> str:
    return "\n".join(each.url for each in case.links if each.type is LinkType.WEB and each.url)


def _script(language: str) -> Callable[[TestCase, Sequence[str]], str]:
    def text(case: TestCase, _: Sequence[str]) -> str:
        return case.script.text if case.script and case.script.language == language else ""

    return text


def _attribute(name: str) -> Callable[[TestCase, Sequence[str]], str]:
    return lambda case, _: str(getattr(case, name))


_WORDS = ("name", "status", "precondition", "description", "priority", "component", "owner")
"""The attributes that are a cell as they are."""
_WRITE: Mapping[str, Callable[[TestCase, Sequence[str]], str]] = {
    **{name: _attribute(name) for name in ("key", *_WORDS)},
    "labels": lambda case, _: ", ".join(case.labels),
    "folder": lambda _, path: folder_path(path),
    "estimated": _clock,
    "issues": _issues,
    "pages": _pages,
    "plain": _script("plain"),
    "bdd": _script("bdd"),
}


def _read_clock(title: str, cell: str) -> dict[str, Any]:
    found = _CLOCK.match(cell)
    if not found:
        raise CellError(title, f"is {cell!r}, expected hours and minutes like 01:30")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return {"estimated": float(hours * 3600 + minutes * 60 + seconds)}


def _read_folder(_: str, cell: str) -> dict[str, Any]:
    names = path_names(cell)
    return {"folder": Ref(Kind.FOLDER, folder_path(names)), "path": names} if names else {}


def _texts(name: str) -> Callable[[str, str], dict[str, Any]]:
    return lambda _, cell: {name: cell}


_READ: Mapping[str, Callable[[str, str], dict[str, Any]]] = {
    **{name: _texts(name) for name in _WORDS},
    "labels": lambda _, cell: {"labels": tuple(each for each in _COMMA.split(cell) if each)},
    "folder": _read_folder,
    "estimated": _read_clock,
    "issues": lambda _, cell: {
        "links": tuple(
            Link(type=LinkType.COVERAGE, issue_key=each) for each in _COMMA.split(cell) if each
        )
    },
    "pages": lambda _, cell: {
        "links": tuple(Link(type=LinkType.WEB, url=each) for each in _LINES.split(cell) if each)
    },
    "plain": lambda _, cell: {"script": Script(language="plain", text=cell)},
    "bdd": lambda _, cell: {"script": Script(language="bdd", text=cell)},
}

_STEPS = "Test Script (Step-by-Step) - "
ZEPHYR = Layout(
    name="zephyr",
    before={
        KEY: "key",
        "Name": "name",
        "Status": "status",
        "Precondition": "precondition",
        "Objective": "description",
        "Folder": "folder",
        "Priority": "priority",
        "Component": "component",
        "Labels": "labels",
        "Owner": "owner",
        "Estimated Time": "estimated",
        "Coverage (Issues)": "issues",
        "Coverage (Pages)": "pages",
    },
    steps=(f"{_STEPS}Step", f"{_STEPS}Test Data", f"{_STEPS}Expected Result"),
    after={"Test Script (Plain Text)": "plain", "Test Script (BDD)": "bdd"},
    fields_first=True,
)
QTEST = Layout(
    name="qtest",
    before={
        "Test Case Name": "name",
        "Description": "description",
        "Precondition": "precondition",
    },
    number="Step #",
    steps=("Step Description", "", "Step Expected Result"),
    after={
        "Status": "status",
        "Priority": "priority",
        "Assigned To": "owner",
        KEY: "key",
        "Folder": "folder",
        "Component": "component",
        "Labels": "labels",
    },
    ignored=("Test Case ID",),
    rich=False,
)
LAYOUTS: Mapping[str, Layout] = {each.name: each for each in (ZEPHYR, QTEST)}
