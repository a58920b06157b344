"""Reads a mapping file and reports its problems with their lines."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import GenericAlias
from typing import Any, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import (
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from ztoq_core.plugin import (
    ConfigError,
    nearest,
    read_text,
)
from ztoq_mappings.fields import toml_lines
from ztoq_mappings.fields.format import (
    Condition,
    DeclaredTypes,
    KindRules,
    MappingFile,
    Replacement,
    Rule,
)
from ztoq_mappings.fields.key_checks import problems, rule_problems
from ztoq_mappings.fields.options import FieldsOptions
from ztoq_mappings.fields.parse_values import READERS, KeyedError
from ztoq_mappings.fields.sections import Section
from ztoq_mappings.fields.value_tables import raw_rules, with_tables


@attrs.frozen(kw_only=True)
class Document:
    """A valid mapping file, with the line of each of its keys, and the files that it names."""

    name: str
    mapping: MappingFile
    files: Mapping[str, Path]
    _tables: Mapping[str, Any]
    _places: Mapping[toml_lines.Path, int]

    def told(self, path: toml_lines.Path, said: str) -> str:
        """Return a message with its line, ``file:line: rule: text``."""
        return _told(self.name, path, said, self._tables, self._places)[1]


def read(path: Path) -> Document:
    """Return the mapping in a file.

    Raises:
        ConfigError: It cannot be read or used; a line for each problem.
    """
    text = read_text(path, "mapping file", "`ztoq map suggest` writes one")
    return parse(text, path.name, path.parent)


def files_of(options: FieldsOptions) -> Mapping[str, Path]:
    """Return the files that the mapping file names. Raises as ``read``."""
    return read(options.mapping).files


def parse(text: str, name: str, folder: Path = Path()) -> Document:
    """Return the mapping in the text of the file ``name`` in ``folder``. Raises as ``read``."""
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        where = str(error).replace("at end of document", f"at line {len(text.splitlines())}")
        raise ConfigError(f"{name} is not valid TOML: {where}") from error
    places = toml_lines.lines(text)
    files = with_tables(tables, folder)
    try:
        mapping: MappingFile = _converter().structure(tables, MappingFile)
    except cattrs.BaseValidationError as error:
        wrong = [*_flat(error, ()), *_of_readable_rules(tables)]
    else:
        wrong = [
            ((section.value, *path), said)
            for section in Section
            for path, said in problems(section, mapping.of(section))
        ]
        if not wrong:
            return Document(name=name, mapping=mapping, files=files, tables=tables, places=places)
    told = sorted(_told(name, path, said, tables, places) for path, said in wrong)
    raise ConfigError("\n".join(dict.fromkeys(said for _, said in told)))


def _of_readable_rules(tables: Mapping[str, Any]) -> Iterator[tuple[toml_lines.Path, str]]:
    """Yield the problems of the readable rules of a file in which others cannot be read."""
    for section, place, raw in raw_rules(tables):
        try:
            rule: Rule = _converter().structure(raw, Rule)
        except (cattrs.BaseValidationError, TypeError):
            continue  # reported already
        for path, said in rule_problems(section, rule):
            yield (section.value, "field", place, *path), said


def _told(
    name: str,
    path: toml_lines.Path,
    said: str,
    tables: Mapping[str, Any],
    places: Mapping[toml_lines.Path, int],
) -> tuple[int, str]:
    line = toml_lines.line_of(path, places)
    return line, f"{name}:{line}: {_title(path, tables)}{said}"


# ------------------------------------------------------------------------------------ structuring


def _table(kind: type[Any], converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """Return a hook that reads a table into ``kind``, key by key."""
    readers = READERS.get(kind, {})
    overrides: dict[str, Any] = {
        each.name: override(
            rename=_key(each.name),
            struct_hook=_hook(readers[each.name]) if readers.get(each.name) else None,
        )
        for each in attrs.fields(kind)
    }
    hook: Callable[[Any, Any], Any] = make_dict_structure_fn(
        kind,
        converter,
        _cattrs_forbid_extra_keys=True,
        _cattrs_detailed_validation=True,
        **overrides,
    )

    def take(raw: Any, wanted: Any) -> Any:
        if not isinstance(raw, dict):
            raise TypeError("expected a table")
        return hook(raw, wanted)

    return take


def _hook(read: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda raw, _: read(raw)


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    for one in (Replacement, Condition, Rule):
        converter.register_structure_hook(one, _table(one, converter))
        hook = _list_of(one, converter, alone=one is not Rule)
        converter.register_structure_hook_func(_is_sequence_of(one), hook)
    for table in (KindRules, DeclaredTypes, MappingFile):
        converter.register_structure_hook(table, _table(table, converter))
    return converter


def _is_sequence_of(kind: type[Any]) -> Callable[[Any], bool]:
    return lambda wanted: get_origin(wanted) is Sequence and get_args(wanted) == (kind,)


def _list_of(
    kind: type[Any], converter: cattrs.Converter, *, alone: bool
) -> Callable[[Any, Any], Any]:
    """Return a hook that reads a list; ``alone``: a single table is a list of one."""

    def take(raw: Any, _: Any) -> Any:
        if alone and isinstance(raw, dict):
            raw = [raw]
        if not isinstance(raw, list):
            wanted = "a table, or a list of tables" if alone else "a list: two brackets around each"
            raise TypeError(f"expected {wanted}")
        elements: Any = GenericAlias(list, (kind,))
        return tuple(converter.structure(raw, elements))

    return take


def _flat(error: BaseException, path: toml_lines.Path) -> Iterator[tuple[toml_lines.Path, str]]:
    """Yield each problem with its place in the tables."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        noted, others = error.group_exceptions()
        for inner, note in noted:
            step = note.index if isinstance(note, IterableValidationNote) else _key(note.name)
            if isinstance(inner, KeyError):
                yield path, f"missing key {step!r}"
            else:
                yield from _flat(inner, (*path, step))
        for inner in others:
            yield from _flat(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [_key(each.name) for each in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields):
            yield (*path, key), f"unknown key {key!r}{nearest(key, known)}"
    elif isinstance(error, KeyedError):
        for key, said in error.problems.items():
            yield (*path, key), f"{path[-1]}: {said}" if "field" in path else said
    else:
        said = str(error)
        yield path, f"{path[-1]}: {said}" if path and isinstance(path[-1], str) else said


def _key(attribute: str) -> str:
    """Return the key of an attribute; names that are keywords of Python end in ``_``."""
    return attribute.removesuffix("_")


def _title(path: toml_lines.Path, tables: Mapping[str, Any]) -> str:
    """Return the beginning of a message: the kind, and the rule by its source or target."""
    words: list[str] = []
    inner: Any = tables
    for part in path[:3]:
        if isinstance(part, int):
            inner = inner[part] if isinstance(inner, list) else inner
            break
        words.append(str(part))
        inner = inner.get(part, {}) if isinstance(inner, dict) else {}
    else:
        return ".".join(words[:-1]) + ": " if len(words) > 1 else ""
    named = inner.get("from") or inner.get("to") if isinstance(inner, dict) else None
    shown = " + ".join(map(str, named)) if isinstance(named, list) else named
    return f"{'.'.join(words)} {shown!r}: " if shown else f"{'.'.join(words)}: "
