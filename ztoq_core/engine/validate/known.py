"""What the comparison of a record knows besides both records."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ztoq_core.contracts import FieldSpec, Links, Schema
from ztoq_core.engine.validate.texts import Shape, shape_of
from ztoq_core.pictures.addresses import ref_of
from ztoq_core.records import Kind


@attrs.frozen(kw_only=True)
class Known:
    """What the comparison of a record knows besides both records.

    ``links`` are what the record refers to as it is in the target. ``losses`` are the codes of
    what its notes call lost. ``parts`` maps its steps or results to their ids in the target.
    ``unknown`` are ids in the held record that no record of the store has.
    """

    schema: Schema = attrs.field(factory=Schema)
    links: Links = attrs.field(factory=dict)
    losses: frozenset[str] = frozenset()
    parts: Mapping[str, str] = attrs.field(factory=dict)
    unknown: frozenset[str] = frozenset()

    def shape(self, html: str) -> Shape:
        """Return a text that was sent as the target must show it, with the target's addresses."""
        return shape_of(html, self._address)

    def _address(self, given: str) -> str | None:
        ref = ref_of(given)
        if ref is None:
            return given
        written = self.links.get(ref)
        return written.url if written and written.url else None

    def spec(self, kind: Kind, name: str, *, step: bool = False) -> FieldSpec | None:
        """Return the target's field of that name, in any case of letters."""
        owner = self.schema.field_owner.get(kind, kind)
        specs = self.schema.step_fields if step else self.schema.fields
        exact = self.schema.step_field(name) if step else self.schema.field(owner, name)
        folded = name.strip().casefold()
        alike = (
            each
            for each in specs
            if each.kind is owner and folded in {each.name.casefold(), each.alias.casefold()}
        )
        return exact or next(alike, None)
