"""Fields and their values: the system fields as data, and what a value must look like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import attrs
from ztoq_testkit.simulate import Refusal

from ztoq_demo.qtest.options import Options
from ztoq_demo.qtest.state import State
from ztoq_demo.qtest.texts import has_fraction, parse_time, show_time

FIELD_OWNERS = (
    "releases",
    "builds",
    "requirements",
    "test-cases",
    "test-steps",
    "defects",
    "test-suites",
    "test-runs",
)
"""The object types that have fields (qTest v3 document, settings/{objectType}/fields)."""


class Form(StrEnum):
    """How a value travels (facts section 3)."""

    TEXT = "String"
    RICH = "Text"
    CHOICE = "ArrayNumber"
    MULTIPLE = "Multiple"
    USER = "User"
    USERS = "Users"
    NUMBER = "Number"
    DATE = "Date"


CREATABLE = {
    1: Form.TEXT,
    2: Form.TEXT,
    3: Form.CHOICE,
    4: Form.DATE,
    5: Form.USER,
    6: Form.RICH,
    7: Form.NUMBER,
    8: Form.MULTIPLE,
    9: Form.DATE,
    12: Form.TEXT,
    17: Form.MULTIPLE,
}
"""The data types of new fields (qTest v3 document, creation of custom fields)."""

COMPUTED = ((-117, "Total Planned Time"), (-112, "Total Actual Time"), (-106, "Average Time"))
"""Read-only values of a run (captures); their ids are negative."""

TEXT_BOX = 1
DIGITS = re.compile(r"\d+", re.ASCII)
SEVERAL = re.compile(r"\[(\d+(,\d+)*)?\]", re.ASCII)
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
CONSTRAINED = (Form.CHOICE, Form.MULTIPLE)


@attrs.define(kw_only=True, eq=False)
class AllowedValue:
    """A value that may be chosen."""

    id: int
    label: str
    order: int
    is_default: bool = False
    active: bool = True


@attrs.define(kw_only=True, eq=False)
class Field:
    """A field. ``project`` None: of the site. ``key`` is the body's key of a mirrored field."""

    id: int
    project: int | None
    owner: str
    label: str
    original_name: str
    data_type: int
    form: Form
    order: int
    required: bool = False
    multiple: bool = False
    system: bool = False
    active: bool = True
    searchable: bool = True
    default_value: str = ""
    key: str = ""
    values: dict[int, AllowedValue] = attrs.field(factory=dict)
    inactive_in: set[int] = attrs.field(factory=set)

    def is_active(self, project: int) -> bool:
        """Whether objects of a project show it."""
        return self.active and project not in self.inactive_in

    def value_named(self, label: str) -> AllowedValue | None:
        """Return the allowed value of a label."""
        return next((v for v in self.values.values() if v.label == label), None)


# (label, original name, data type, form, first value id, value labels, default); the ids are
# those that facts section 3 reports; the names of no fact are guesses
_Row = tuple[str, str, int, Form, int, tuple[str, ...]]
_CASE_STATUS = ("New", "In Progress", "Ready for Baseline", "Baselined")
_PRIORITY = ("Undecided", "Low", "Medium", "High", "Urgent")
_EXECUTION = (
    "Functional",
    "Regression",
    "Smoke",
    "Sanity",
    "Usability",
    "Install/Uninstall",
    "Non Functional",
)
_RESULTS = ("Passed", "Failed", "Incomplete", "Blocked", "Unexecuted")
_STAGES = ("Pending", "In Progress", "Closed")
_NAME: _Row = ("Name", "Name", 1, Form.TEXT, 0, ())
_ROWS: dict[str, tuple[_Row, ...]] = {
    "test-cases": (
        _NAME,
        ("Automation", "Automation", 3, Form.CHOICE, 710, ("No", "Yes")),
        ("Automation Content", "Automation Content", 1, Form.TEXT, 0, ()),
        ("Status", "Status", 3, Form.CHOICE, 201, _CASE_STATUS),
        ("Type", "Type", 3, Form.CHOICE, 701, ("Manual", "Automation", "Performance", "Scenario")),
        ("Assigned To", "AssignedTo", 5, Form.USER, 0, ()),
        ("Description", "Description", 6, Form.RICH, 0, ()),
        ("Precondition", "Precondition", 6, Form.RICH, 0, ()),
        ("Priority", "Priority", 3, Form.CHOICE, 721, _PRIORITY),
    ),
    "test-runs": (
        _NAME,
        ("Run Order", "Run Order", 7, Form.NUMBER, 0, ()),
        ("Planned Time", "Planned Time", 7, Form.NUMBER, 0, ()),
        ("Execution Type", "ExecutionTypeTestRun", 13, Form.CHOICE, 501, _EXECUTION),
        ("Planned Start Date", "PlannedStartTestRun", 13, Form.DATE, 0, ()),
        ("Planned End Date", "PlannedEndTestRun", 4, Form.DATE, 0, ()),
        ("Environment", "Environment", 3, Form.CHOICE, 8101, ("Staging", "Production")),
        ("Assigned To", "AssignedTo", 5, Form.USER, 0, ()),
        ("Status", "Status", 3, Form.CHOICE, 601, _RESULTS),
    ),
    "test-suites": (
        _NAME,
        ("Description", "Description", 6, Form.RICH, 0, ()),
        ("Execution Type", "ExecutionTypeTestSuite", 3, Form.CHOICE, 501, _EXECUTION),
        ("Planned Start Date", "PlannedStartTestSuite", 4, Form.DATE, 0, ()),
        ("Planned End Date", "PlannedEndTestSuite", 4, Form.DATE, 0, ()),
        ("Environment", "Environment", 3, Form.CHOICE, 8201, ("Staging", "Production")),
        ("Assigned To", "AssignedTo", 5, Form.USER, 0, ()),
    ),
    "releases": (_NAME, ("Status", "Status", 3, Form.CHOICE, 301, _STAGES)),
    "builds": (_NAME, ("Status", "Status", 3, Form.CHOICE, 401, _STAGES)),
    "requirements": (
        _NAME,
        ("Description", "Description", 6, Form.RICH, 0, ()),
        ("Status", "Status", 3, Form.CHOICE, 911, ("New", "In Progress", "Ready For Baseline")),
        ("Priority", "Priority", 3, Form.CHOICE, 901, _PRIORITY),
        ("Assigned To", "AssignedTo", 5, Form.USER, 0, ()),
    ),
    "defects": (
        ("Summary", "Summary", 1, Form.TEXT, 0, ()),
        ("Description", "Description", 6, Form.RICH, 0, ()),
        ("Status", "Status", 3, Form.CHOICE, 10_301, ("New", "Open", "Closed")),
        ("Severity", "Severity", 3, Form.CHOICE, 10_101, ("Minor", "Major")),
    ),
    "test-steps": (),
}
_REQUIRED = {"Name", "Summary", "Status", "Type"}
_KEYS = {"Name": "name", "Description": "description", "Precondition": "precondition"}


def system_fields(state: State, project: int) -> Iterable[Field]:
    """Return the system fields of a new project."""
    for owner, rows in _ROWS.items():
        for order, (label, original, data_type, form, first, labels) in enumerate(rows, 1):
            values = {
                first + n: AllowedValue(id=first + n, label=text, order=n + 1, is_default=n == 0)
                for n, text in enumerate(labels)
            }
            mirrored = label == "Name" or owner == "test-cases"
            chosen = label in ("Status", "Type", "Priority", "Automation")
            yield Field(
                id=state.new_id(),
                project=project,
                owner=owner,
                label=label,
                original_name=original,
                data_type=data_type,
                form=form,
                order=order,
                required=(label in _REQUIRED and owner != "test-runs") or label == "Name",
                system=True,
                default_value=str(first) if chosen and owner != "test-runs" else "",
                key=_KEYS.get(label, "") if mirrored else "",
                values=values,
            )


def bad(message: str) -> Refusal:
    """Return the refusal of a wrong value."""
    return Refusal(400, {"message": message})


@attrs.define(eq=False)
class Fields:
    """The fields of the site, by object type, and the check of properties."""

    state: State
    options: Options
    table: dict[int, Field] = attrs.field(factory=dict)
    _project: dict[tuple[int, str], dict[int, Field]] = attrs.field(factory=dict)
    _site: dict[str, dict[int, Field]] = attrs.field(factory=dict)

    def add(self, field: Field) -> None:
        """Put a field in."""
        self.table[field.id] = field
        if field.project is None:
            self._site.setdefault(field.owner, {})[field.id] = field
        else:
            self._project.setdefault((field.project, field.owner), {})[field.id] = field

    def remove(self, field: Field) -> None:
        """Take a field out; its values go with it."""
        del self.table[field.id]
        if field.project is None:
            del self._site[field.owner][field.id]
        else:
            del self._project[field.project, field.owner][field.id]
        for thing in self.state.objects.get(field.owner, {}).values():
            thing.properties.pop(field.id, None)

    def of(self, project: int, owner: str) -> list[Field]:
        """Return the fields of an object type in a project, inactive ones too."""
        own = self._project.get((project, owner), {})
        return [*own.values(), *self._site.get(owner, {}).values()]

    def of_site(self, owner: str) -> list[Field]:
        """Return the site fields of an object type."""
        return list(self._site.get(owner, {}).values())

    def named(self, project: int, owner: str, label: str) -> Field | None:
        """Return the field of a label or original name."""
        return next(
            (f for f in self.of(project, owner) if label in (f.label, f.original_name)), None
        )

    def is_required(self, field: Field) -> bool:
        """Whether an object must have a value."""
        return field.required or field.label in self.options.required_fields.get(field.owner, ())

    def checked(self, project: int, owner: str, given: Any) -> dict[int, str]:
        """Return the values of a body's ``properties`` as they are kept.

        Raises:
            Refusal: 400 for an unknown field or a value that does not fit its field.
        """
        if given is None:
            return {}
        if not isinstance(given, list):
            raise bad("properties must be an array")
        kept = {}
        for item in given:
            number = item.get("field_id") if isinstance(item, dict) else None
            if not isinstance(number, int) or isinstance(number, bool):
                raise bad("each property needs a field_id")
            field = self.table.get(number)
            if field is None or not self._shown(field, project, owner):
                raise bad(f"The field {number} does not exist.")
            value = item.get("field_value")
            if not isinstance(value, str):
                raise bad(f"The value of the field {field.label} must be a string.")
            if value or field.form in (Form.TEXT, Form.RICH):
                # facts section 3: an empty single select cannot be cleared
                kept[number] = self.fitting(field, value)
        return kept

    def _shown(self, field: Field, project: int, owner: str) -> bool:
        return (
            field.owner == owner and field.project in (project, None) and field.is_active(project)
        )

    def fitting(self, field: Field, value: str) -> str:
        """Return the value as it is kept.

        Raises:
            Refusal: 400 where it does not fit the field.
        """
        if field.form is Form.DATE:
            instant = parse_time(value)
            if instant is not None and not has_fraction(value):
                return show_time(instant, self.options.zone)
        elif self._fits(field, value):
            return value
        raise bad(f"Field value constraint is invalid: {field.label}")

    def _fits(self, field: Field, value: str) -> bool:
        match field.form:
            case Form.CHOICE | Form.USER:
                return bool(DIGITS.fullmatch(value)) and self._chosen(field, value)
            case Form.MULTIPLE | Form.USERS:
                numbers = [text for text in value[1:-1].split(",") if text]
                return bool(SEVERAL.fullmatch(value)) and all(
                    self._chosen(field, number) for number in numbers
                )
            case Form.NUMBER:
                return NUMBER.fullmatch(value) is not None
            case _:
                limit = self.options.text_limit
                return limit is None or field.data_type != TEXT_BOX or len(value) <= limit

    def _chosen(self, field: Field, text: str) -> bool:
        if field.form in (Form.USER, Form.USERS):
            user = self.state.users.get(int(text))
            return user is not None and user.active
        value = field.values.get(int(text))
        return value is not None and value.active

    def completed(
        self, project: int, owner: str, values: dict[int, str], body: dict[str, Any]
    ) -> dict[int, str]:
        """Return the values of a new object with the defaults.

        Raises:
            Refusal: 400 where a required field has no value (only if strict).
        """
        for field in self.of(project, owner):
            if not field.is_active(project) or values.get(field.id):
                continue
            if field.default_value:
                values[field.id] = field.default_value
            elif self.options.strict and self.is_required(field) and not body.get(field.key):
                raise bad(f"The field {field.label} is required.")
        return values

    def name_of(self, field: Field, value: str) -> str | None:
        """Return what people see of a chosen value (``field_value_name``), None for others."""
        match field.form:
            case Form.CHOICE:
                chosen = field.values.get(int(value)) if value else None
                return chosen.label if chosen else ""
            case Form.USER:
                user = self.state.users.get(int(value)) if value else None
                return user.full_name if user else ""
            case Form.MULTIPLE | Form.USERS:
                return f"[{', '.join(self.names_of(field, value))}]"
            case _:
                return None

    def names_of(self, field: Field, value: str) -> list[str]:
        """Return the labels of a value that may be several."""
        numbers = [int(text) for text in value.strip("[]").split(",") if text]
        if field.form in (Form.USER, Form.USERS):
            return [self.state.users[n].full_name for n in numbers if n in self.state.users]
        return [field.values[n].label for n in numbers if n in field.values]
