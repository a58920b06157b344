"""The transformer ``mask``: options, check and transform."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from functools import singledispatchmethod
from typing import Any

import attrs

from ztoq_core.plugin import (
    Attachment,
    FieldType,
    FieldValue,
    Finding,
    Folder,
    Image,
    Kind,
    Link,
    Record,
    Requirement,
    Schema,
    Secret,
    Skip,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Transform,
    TransformContext,
    change_images,
    image_src,
)
from ztoq_mappings.mask.markup import masked_html
from ztoq_mappings.mask.words import Words
from ztoq_mappings.texts import is_html
from ztoq_mappings.walk import evolved, with_html


class Keep(StrEnum):
    """What may stay as it is."""

    LABELS = "labels"
    COMPONENTS = "components"
    CHOICES = "choices"
    ENVIRONMENTS = "environments"
    VERSIONS = "versions"
    FOLDERS = "folders"


class Files(StrEnum):
    """What happens to files, whose contents no transformer sees."""

    SKIP = "skip"
    KEEP = "keep"


@attrs.frozen(kw_only=True)
class Options:
    """The ``[[transform]]`` table with ``use = "mask"``.

    Under one ``seed`` the same word becomes the same made-up one, in each run. ``keep`` names what
    stays as it is. ``files`` are left out, or kept with their contents.
    """

    seed: Secret
    keep: tuple[Keep, ...] = ()
    files: Files = Files.SKIP


def build(options: Options, context: TransformContext) -> Transform:
    """Return the transform.

    Raises:
        ConfigError: The seed is not where the config says.
    """
    project = str(getattr(context.source_config, "project", "") or "")
    words = Words(options.seed.reveal(), (project,) if project else (), context.source.users)
    return _Mask(options, words, context.source).masked


def check(options: Options, _source: Schema, _sink: Schema) -> tuple[Finding, ...]:
    """Return a finding on what is not masked."""
    if options.files is Files.SKIP:
        return ()
    text = "mask: the contents of files and pictures arrive as they are (files = 'keep')"
    return (Finding(level="warning", text=text),)


class _Mask:
    def __init__(self, options: Options, words: Words, source: Schema) -> None:
        self._words = words
        self._keep = frozenset(options.keep)
        self._files = options.files
        self._types = {(field.kind, field.name): field.type for field in source.fields}

    def masked(self, record: Record) -> Record:
        """Return the record and its companions without anything that somebody wrote."""
        if isinstance(record, Attachment) and self._files is Files.SKIP:
            raise Skip("files are left out: mask cannot change their contents")
        changed = with_html(record, self._html, lambda field: self._field(field, record.kind))
        return evolved(
            changed,
            {
                "path": self._kept(Keep.FOLDERS, record.path),
                "links": tuple(map(self._link, record.links)),
                "images": self._images(record.images),
                "companions": tuple(map(self.masked, record.companions)),
                **self._own(changed),
            },
        )

    # -------------------------------------------------------------------------------- own words

    @singledispatchmethod
    def _own(self, _record: Record) -> dict[str, Any]:
        """Return what records of a kind have besides HTML and fields."""
        return {}

    @_own.register
    def _(self, record: Folder) -> dict[str, Any]:
        return {"name": self._kept(Keep.FOLDERS, (record.name,))[0]}

    @_own.register
    def _(self, record: Requirement) -> dict[str, Any]:
        return {"name": self._words.text(record.name)}

    @_own.register
    def _(self, record: TestCase) -> dict[str, Any]:
        script = record.script
        if script and script.language == "bdd":
            script = attrs.evolve(script, text=self._words.text(script.text))
        return {
            "name": self._words.text(record.name),
            "owner": self._words.person(record.owner),
            "component": self._kept(Keep.COMPONENTS, (record.component,))[0],
            "labels": self._kept(Keep.LABELS, record.labels),
            "script": script,
            "steps": tuple(map(self._step, record.steps)),
        }

    @_own.register
    def _(self, record: TestPlan) -> dict[str, Any]:
        return {
            "name": self._words.text(record.name),
            "owner": self._words.person(record.owner),
            "labels": self._kept(Keep.LABELS, record.labels),
        }

    @_own.register
    def _(self, record: TestCycle) -> dict[str, Any]:
        return {
            "name": self._words.text(record.name),
            "owner": self._words.person(record.owner),
            "version": self._kept(Keep.VERSIONS, (record.version,))[0],
        }

    @_own.register
    def _(self, record: TestRun) -> dict[str, Any]:
        return {
            "name": self._words.text(record.name),
            "environment": self._kept(Keep.ENVIRONMENTS, (record.environment,))[0],
            "assigned_to": self._words.person(record.assigned_to),
        }

    @_own.register
    def _(self, record: TestLog) -> dict[str, Any]:
        return {
            "executed_by": self._words.person(record.executed_by),
            "assigned_to": self._words.person(record.assigned_to),
            "environment": self._kept(Keep.ENVIRONMENTS, (record.environment,))[0],
            "version": self._kept(Keep.VERSIONS, (record.version,))[0],
            "results": tuple(map(self._result, record.results)),
        }

    @_own.register
    def _(self, record: Attachment) -> dict[str, Any]:
        return {"name": self._words.file_name(record.name)}

    def _step(self, step: TestStep) -> TestStep:
        if step.call is None:
            return step
        parameters = tuple(
            attrs.evolve(
                each, name=self._words.text(each.name), value=self._value(each.value, None)
            )
            for each in step.call.parameters
        )
        return attrs.evolve(step, call=attrs.evolve(step.call, parameters=parameters))

    def _result(self, result: StepResult) -> StepResult:
        return attrs.evolve(result, links=tuple(map(self._link, result.links)))

    # ------------------------------------------------------------------------------------- parts

    def _kept(self, what: Keep, texts: tuple[str, ...]) -> tuple[str, ...]:
        return texts if what in self._keep else tuple(map(self._words.text, texts))

    def _html(self, html: str) -> str:
        masked = masked_html(html, self._words)
        if self._files is Files.SKIP:
            masked = change_images(masked, lambda _: "<span>[Picture]</span>")
        return masked

    def _link(self, link: Link) -> Link:
        # the key stays: the target knows the issue by it
        return attrs.evolve(
            link, url=self._words.address(link.url), text=self._words.text(link.text)
        )

    def _images(self, images: tuple[Image, ...]) -> tuple[Image, ...]:
        if self._files is Files.SKIP:
            return ()
        return tuple(
            attrs.evolve(
                image,
                src=image_src(self._words.address(image.src))
                if image.src[:5] != "data:"
                else image.src,
                lost=image.lost and "it could not be had",
            )
            for image in images
        )

    def _field(self, field: FieldValue, kind: Kind) -> FieldValue:
        type_ = field.type or self._types.get((kind, field.name))
        value = field.value
        if isinstance(value, tuple):
            value = tuple(self._value(each, type_) for each in value)
        elif isinstance(value, str):
            value = self._value(value, type_)
        return evolved(
            field,
            {
                "value": value,
                "alternatives": tuple(self._value(each, type_) for each in field.alternatives),
            },
        )

    def _value(self, value: str, type_: FieldType | None) -> str:
        match type_:
            case FieldType.CHOICE | FieldType.MULTI_CHOICE if Keep.CHOICES in self._keep:
                return value
            case FieldType.USER:
                return self._words.person(value)
            case FieldType.URL:
                return self._words.address(value)
            case FieldType.DATE | FieldType.DATETIME if _is_date(value):
                return value
            case FieldType.RICH_TEXT:
                return self._html(value)
            case _:
                return self._html(value) if is_html(value) else self._words.text(value)


_DATE = re.compile(r"[\d:.T Z+-]*", re.ASCII)


def _is_date(value: str) -> bool:
    if not _DATE.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
