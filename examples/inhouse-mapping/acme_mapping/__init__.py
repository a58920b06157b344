"""What ACME means by its labels: a suite, which is a field in the target."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ztoq_core.plugin import (
    ConfigError,
    FieldType,
    FieldValue,
    MappingError,
    Record,
    TestCase,
    Transform,
    TransformContext,
    TransformerPlugin,
    hookimpl,
)

__all__ = ["ACME", "AcmeConfig", "ztoq_transformers"]


@attrs.frozen(kw_only=True)
class AcmeConfig:
    """The ``[[transform]]`` table with ``use = "acme"``.

    The labels in ``suites`` become the value of ``field``; a case has at most one of them.
    """

    field: str = "Suite"
    suites: tuple[str, ...] = ("smoke", "regression")


def build(config: AcmeConfig, _scene: TransformContext) -> Transform:
    """Return the transform.

    Raises:
        ConfigError: There are no suites.
    """
    if not config.suites:
        raise ConfigError("acme: suites is empty; name the labels that are suites")
    suites = {label.casefold() for label in config.suites}

    def transform(record: Record) -> Record:
        if not isinstance(record, TestCase):
            return record
        found = [label for label in record.labels if label.casefold() in suites]
        if not found:
            return record
        if len(found) > 1:
            raise MappingError(f"{record.key}: is in more than one suite: {', '.join(found)}")
        suite = FieldValue(
            name=config.field,
            value=found[0].capitalize(),
            type=FieldType.CHOICE,
            placed=True,
            origin="@labels",
        )
        return attrs.evolve(
            record,
            labels=tuple(label for label in record.labels if label not in found),
            fields=(*record.fields, suite),
        )

    return transform


ACME = TransformerPlugin(
    name="acme",
    summary="ACME's conventions: labels that name a suite become a field",
    config=AcmeConfig,
    build=build,
    keeps_default=True,
)
"""``adjusts``: the default mapping runs after it, so this one need not know it."""


@hookimpl
def ztoq_transformers() -> Iterable[TransformerPlugin[AcmeConfig]]:
    """Declare the transformer."""
    return (ACME,)
