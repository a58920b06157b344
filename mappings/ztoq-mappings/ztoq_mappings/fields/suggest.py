"""Writes a first mapping file from the fields of both sides, with the reason for each line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import attrs
import tomlkit

from ztoq_core.plugin import (
    FieldSpec,
    FieldType,
    Schema,
    Suggestion,
    closest,
)
from ztoq_mappings.fields.coerce import LONGEST_LABEL, TEXTS
from ztoq_mappings.fields.properties import is_property
from ztoq_mappings.fields.schema_checks import FITTING
from ztoq_mappings.fields.sections import Section
from ztoq_mappings.texts import one_line

CLOSE = 0.8
"""The likeness from which two names count as close."""

_HEAD = """\
#:schema ./mapping.schema.json
# (for editors; `ztoq map suggest --write` puts it beside this file)
#
# A mapping file, written from what both sides have. Each rule says why it is here; a line that
# begins with # does nothing: take the # away to use it. docs/mapping-files.md shows what else a
# rule can do.

format = 1
"""
_CHOICES = frozenset({FieldType.CHOICE, FieldType.MULTI_CHOICE})
_OPEN = _CHOICES | {FieldType.USER}
_NO_WORD = re.compile(r"[\W_]+")


class _Likeness(StrEnum):
    EXACT = "exact"
    CLOSE = "close"
    UNMAPPED = "unmapped"


@attrs.frozen
class _Pair:
    """A field of the source, the target's field for it if there is one, how alike and why."""

    source: FieldSpec
    target: FieldSpec | None
    likeness: _Likeness
    why: str
    usable: bool


def suggest(source: Schema, sink: Schema) -> Suggestion:
    """Return a mapping file; the same schemas give the same text."""
    parts = [_HEAD]
    counts: Counter[_Likeness] = Counter()
    for section in Section:
        if section is Section.ATTACHMENT:
            continue  # a file has no fields in a target
        fields = sorted(
            (each for each in section.source_fields(source) if _can_be_named(each.name)),
            key=lambda each: each.name,
        )
        targets = [each for each in section.target_fields(sink) if _can_be_a_label(each.name)]
        pairs = _pairs(section, fields, targets, sink)
        counts.update(pair.likeness for pair in pairs)
        blocks = ["\n".join(_block(section, pair, sink)) for pair in pairs]
        blocks += _unfilled(section, pairs, () if section.borrows(sink) else targets)
        if blocks:
            title = section.words
            parts.append(f"# {'-' * (95 - len(title))} {title}\n")
            parts += (f"{block}\n" for block in blocks)
    if len(parts) == 1:
        parts.append("# No fields of the source are known yet: extract first.\n")
    return Suggestion(
        text="\n".join(parts),
        exact=counts[_Likeness.EXACT],
        close=counts[_Likeness.CLOSE],
        unmapped=counts[_Likeness.UNMAPPED],
    )


def _can_be_named(name: str) -> bool:
    """Return whether a mapping file can name the field."""
    return bool(name.strip()) and not is_property(name) and name.isprintable()


def _can_be_a_label(name: str) -> bool:
    return _can_be_named(name) and len(name) <= LONGEST_LABEL


def _pairs(
    section: Section, fields: Sequence[FieldSpec], targets: Sequence[FieldSpec], sink: Schema
) -> list[_Pair]:
    """Return a pair for each field; a target is taken once, by the most alike."""
    free = {each.name: each for each in sorted(targets, key=lambda each: each.name)}
    found: dict[str, _Pair] = {}
    for find, likeness, reason in (
        (_exact, _Likeness.EXACT, "both sides have it"),
        (_folded, _Likeness.CLOSE, "but for case and punctuation the same"),
        (_close, _Likeness.CLOSE, "the names are alike; is it the same?"),
    ):
        for each in fields:
            if each.name in found:
                continue
            target, why = find(each.name, free), reason
            if target is not None:
                del free[target.name]
                fits = target.type in FITTING[each.type]
                why += "" if fits else f"; but the target's is a {target.type.value}"
                if target.system:
                    why += "; but the target's is a field of its own, not a custom one"
                usable = fits and not target.system
                found[each.name] = _Pair(each, target, likeness, why, usable)
    made = " (it can be made)" if section.can_be_made(sink) else ""
    nothing = f"the target has no field like it{made}"
    if not sink.fields_known:
        nothing = "the target's fields cannot be listed"
    unmapped = (_Pair(each, None, _Likeness.UNMAPPED, nothing, usable=False) for each in fields)
    return list(_apart([found.get(each.source.name, each) for each in unmapped]))


def _apart(pairs: Sequence[_Pair]) -> Iterator[_Pair]:
    """Yield the pairs; a field whose usual label another one goes to gets a label of its own."""
    taken = {pair.target.name.casefold() for pair in pairs if pair.target and pair.usable}
    for pair in pairs:
        name = pair.source.name.strip()
        if pair.usable or name.casefold() not in taken:
            yield pair
            continue
        number = 1
        while (label := _suffixed(name, number)).casefold() in taken:
            number += 1
        taken.add(label.casefold())
        target = FieldSpec(kind=pair.source.kind, name=label, type=pair.source.type)
        why = f"another field goes to {name!r} already"
        yield _Pair(pair.source, target, _Likeness.UNMAPPED, why, usable=True)


def _suffixed(name: str, number: int) -> str:
    suffix = " (source)" if number == 1 else f" (source {number})"
    return name[: LONGEST_LABEL - len(suffix)] + suffix


def _exact(name: str, free: Mapping[str, FieldSpec]) -> FieldSpec | None:
    return free.get(name)


def _folded(name: str, free: Mapping[str, FieldSpec]) -> FieldSpec | None:
    plain = _letters(name)
    return next((each for each in free.values() if plain and _letters(each.name) == plain), None)


def _close(name: str, free: Mapping[str, FieldSpec]) -> FieldSpec | None:
    return free.get(closest(name, free, CLOSE))


def _letters(name: str) -> str:
    return _NO_WORD.sub("", name.casefold())


def _block(section: Section, pair: _Pair, sink: Schema) -> Iterator[str]:
    """Yield the lines of a rule; of one that cannot be used, as comments."""
    source, target = pair.source, pair.target
    kind_of = _type(source, target if pair.usable else None)
    yield f"# {pair.likeness}: {pair.why}"
    mark = "" if pair.usable else "# "
    yield f"{mark}[[{section.value}.field]]"
    yield f"{mark}from = {_toml(source.name)}  # {source.type.value}, {_origin(source)}"
    yield f"{mark}to = {_toml(_label(target.name if target else source.name))}"
    yield f"{mark}type = {_toml(kind_of.value)}"
    if kind_of is FieldType.USER:
        yield f'{mark}person = "email"'
    if kind_of not in TEXTS:
        yield f'{mark}otherwise = "keep"'
    if target is not None and pair.usable:
        yield from _values(section, source, target, sink)


def _type(source: FieldSpec, target: FieldSpec | None) -> FieldType:
    """Return the type for a rule: the target's where no value can fail by it."""
    if target is not None and (source.type in _OPEN or {source.type, target.type} <= TEXTS):
        return target.type
    return FieldType.TEXT if source.type is FieldType.USER else source.type


def _label(name: str) -> str:
    return one_line(name)[:LONGEST_LABEL].strip()


def _origin(source: FieldSpec) -> str:
    # of another's words: they must not end the comment
    return one_line(source.origin)


def _values(section: Section, source: FieldSpec, target: FieldSpec, sink: Schema) -> Iterator[str]:
    """Yield a table of labels, if any label of the source is another in the target."""
    if source.type not in _CHOICES or target.type not in _CHOICES or not target.values:
        return
    given = [each for each in source.values if _can_be_written(each)]
    table: dict[str, tuple[str, str]] = {}
    for label in given:
        near, why = _nearest_label(label, target.values)
        table[label] = near, why
    if all(label == near for label, (near, _) in table.items()):
        return
    # a table needs 'otherwise', which every choice has above it
    live = any(near for near, _ in table.values())
    yield "" if live else "# "
    yield f"{'' if live else '# '}[{section.value}.field.values]"
    will = "it will be made" if section.can_be_made(sink) else "its values become readable text"
    for label, (near, why) in table.items():
        if near:
            yield f"{_toml(label)} = {_toml(near)}{why}"
        else:
            yield f"# {_toml(label)} = {_toml(label)}  # the target does not allow it; {will}"


def _nearest_label(label: str, allowed: Sequence[str]) -> tuple[str, str]:
    if label in allowed:
        return label, ""
    plain = _letters(label)
    for each in allowed:
        if plain and _letters(each) == plain:
            return each, ""
    near = closest(label, allowed, CLOSE)
    return near, "  # alike; is it the same?" if near else ""


def _can_be_written(label: str) -> bool:
    return bool(label) and label.isprintable()


def _unfilled(
    section: Section, pairs: Sequence[_Pair], targets: Sequence[FieldSpec]
) -> Iterator[str]:
    """Yield a comment for each required field of the target that nothing fills."""
    filled = {pair.target.name for pair in pairs if pair.target and pair.usable}
    for each in sorted(targets, key=lambda each: each.name):
        if (
            each.required
            and not each.default
            and not each.system
            and each.name not in filled
            and _can_be_written(each.name)
        ):
            yield "\n".join(
                (
                    "# required in the target, and nothing fills it",
                    f"# [[{section.value}.field]]",
                    f"# to = {_toml(each.name)}",
                    f"# type = {_toml(each.type.value)}",
                    "# constant = …",
                )
            )


def _toml(text: str) -> str:
    return tomlkit.item(text).as_string()
