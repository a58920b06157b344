"""Reads the tables of names (``tables.toml``) and looks up names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import attrs

from ztoq_core.plugin import (
    Kind,
    folded,
)

PRODUCT = "Zephyr"
"""The source's product where nobody names one."""

_NO_WORD = re.compile(r"[\W_]+")


@attrs.frozen(kw_only=True)
class StatusRule:
    """Which status names with one of these words become."""

    status: str
    words: tuple[str, ...]


@attrs.frozen(kw_only=True)
class NameTables:
    """What the mapping knows by name. The keys of ``statuses`` and ``priorities`` are folded."""

    statuses: Mapping[str, tuple[str, ...]]
    rules: tuple[StatusRule, ...]
    otherwise: str
    not_executed: str
    priorities: Mapping[str, tuple[str, ...]]
    case_status: str
    labels: Mapping[str, str]
    system: Mapping[str, str]
    reserved: Mapping[Kind, frozenset[str]]

    def execution_statuses(self, name: str) -> tuple[tuple[str, ...], bool]:
        """Return the target's candidates for a status, best first, and whether a rule was needed.

        The own name comes first. No name is a thing not done.
        """
        if not name.strip():
            return (self.not_executed,), False
        known = self.statuses.get(folded(name))
        if known is not None:
            return _each_once((name, *known)), False
        words = f" {_NO_WORD.sub(' ', name.casefold()).strip()} "
        status = next(
            (rule.status for rule in self.rules if any(f" {w}" in words for w in rule.words)),
            self.otherwise,
        )
        return _each_once((name, status)), name.casefold() != status.casefold()

    def unexecuted(self, name: str) -> tuple[str, ...]:
        """Return the candidates for the status of what is not done yet."""
        return _each_once((name, self.not_executed)) if name.strip() else (self.not_executed,)

    def priority(self, name: str) -> tuple[str, ...]:
        """Return more candidates for a priority, possibly none."""
        return self.priorities.get(folded(name), ())


@cache
def name_tables(source: str = PRODUCT, key_field: str = "") -> NameTables:
    """Return the tables of this package for a source's product.

    ``key_field`` is the label of the field that holds the source's key.
    """
    body = files("ztoq_mappings.to_qtest").joinpath("tables.toml").read_text("utf-8")
    found: Mapping[str, Any] = tomllib.loads(body)
    status = found["execution_status"]
    labels = {**found["labels"], **found["labels_of"].get(source, {})}
    labels = {name: label.replace("{source}", source) for name, label in labels.items()}
    own = _all_folded((*labels.values(), key_field or f"{source} key"))
    everywhere = own | _all_folded(found["reserved"]["all"])
    return NameTables(
        statuses=_names(status["names"]),
        rules=tuple(
            StatusRule(status=r["status"], words=tuple(r["words"])) for r in status["rules"]
        ),
        otherwise=status["otherwise"],
        not_executed=status["not_executed"],
        priorities=_names(found["priority"]),
        case_status=found["case_status"]["otherwise"],
        labels=labels,
        system=found["system"],
        reserved={
            kind: everywhere | _all_folded(found["reserved"].get(kind.value, ())) for kind in Kind
        },
    )


def _names(table: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {folded(name): tuple(targets) for name, targets in table.items()}


def _all_folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(folded, names))


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(folded(name), name)
    return tuple(found.values())
