"""The transformer ``text``: options and transform."""

from __future__ import annotations

from enum import StrEnum

import attrs

from ztoq_core.plugin import (
    ConfigError,
    FieldType,
    FieldValue,
    Kind,
    Record,
    Ref,
    Transform,
    TransformContext,
)
from ztoq_mappings.note_codes import HTML_CLEANED, HTML_TO_TEXT, LINK_UNUSABLE, ZEPHYR_LINK
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.text.cleaning import cleaned, loses_address, only_text, unusual
from ztoq_mappings.text.keys import Keys
from ztoq_mappings.texts import is_html, whole
from ztoq_mappings.walk import with_html


class Policy(StrEnum):
    """What happens to HTML."""

    KEEP = "keep"
    CLEAN = "clean"
    TEXT = "text"


@attrs.frozen(kw_only=True)
class Options:
    """The ``[[transform]]`` table with ``use = "text"``.

    ``html`` says what becomes of rich texts. ``keys`` makes links of keys such as ``ACME-T12``,
    those of ``projects`` (the source's own where there are none). ``kinds`` are the kinds of
    records that are changed, all where there are none.
    """

    html: Policy = Policy.KEEP
    keys: bool = False
    projects: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()


def build(options: Options, context: TransformContext) -> Transform:
    """Return the transform.

    Raises:
        ConfigError: ``keys`` is set and nobody says of which project.
    """
    own = str(getattr(context.source_config, "project", "") or "")
    projects = options.projects or ((own,) if own else ())
    if options.keys and not projects:
        raise ConfigError('text: keys = true needs projects, such as projects = ["ACME"]')
    keys = Keys(projects) if options.keys else None
    kinds = frozenset(options.kinds or Kind)
    rich = {
        (field.kind, field.name)
        for field in context.source.fields
        if field.type is FieldType.RICH_TEXT
    }

    def transform(record: Record) -> Record:
        if record.kind not in kinds:
            return record
        text = _Text(record, options.html, keys)

        def field(value: FieldValue) -> FieldValue:
            if not isinstance(value.value, str) or not (
                value.type is FieldType.RICH_TEXT
                or (
                    value.type is None
                    and ((record.kind, value.name) in rich or is_html(value.value))
                )
            ):
                return value
            return attrs.evolve(value, value=text.changed(value.value))

        changed = with_html(record, text.changed, field)
        return attrs.evolve(
            changed,
            text_refs=tuple(dict.fromkeys((*record.text_refs, *text.refers))),
            notes=text.notes.notes(),
        )

    return transform


class _Text:
    """Changes the texts of one record, and collects what they link to."""

    def __init__(self, record: Record, policy: Policy, keys: Keys | None) -> None:
        self.refers: dict[Ref, None] = {}
        self.notes = NoteCollector(record.notes)
        self._own = record.ref
        self._policy = policy
        self._keys = keys

    def changed(self, html: str) -> str:
        if self._policy is Policy.CLEAN:
            html = self._cleaned(whole(html, self.notes))
        elif self._policy is Policy.TEXT:
            if is_html(html):
                self.notes.add(HTML_TO_TEXT, "rich text is turned into plain text")
            html = only_text(whole(html, self.notes))
        if self._keys:
            html, refers, pages = self._keys.linked(html, self._own)
            self.refers |= dict.fromkeys(refers)
            if pages:
                self.notes.add(
                    ZEPHYR_LINK, "links to pages of Zephyr lead to what was migrated instead"
                )
        return html

    def _cleaned(self, html: str) -> str:
        clean = cleaned(html)
        if names := unusual(html):
            self.notes.add(
                HTML_CLEANED,
                f"HTML is cleaned of tags that rich text need not have: {names[0]!r}",
            )
        if loses_address(html, clean):
            self.notes.add(
                LINK_UNUSABLE,
                "a browser would not open the address of a link; its words stay",
            )
        return clean
