"""``ztoq retry``."""

from __future__ import annotations

from collections.abc import Sequence

import rich_click as click

from ztoq_core.cli.options import KIND, Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured, kind_of
from ztoq_core.errors import ConfigError
from ztoq_core.migration.opening import open_store
from ztoq_core.records import Kind, counted
from ztoq_core.store import RETRYABLE, Store


@click.command()
@click.option("--kind", metavar="KIND", help=KIND)
@click.option("--key", "keys", multiple=True, metavar="KEY", help="Only this one; may be repeated.")
@verb
def retry(options: Options, *, kind: str | None, keys: tuple[str, ...]) -> int:
    """Mark failed and missing records for retry; the next load sends them.

    The records that they block follow. Records that could not be mapped need another mapping; files
    and records that could not be read from the source need another extraction.

    \b
    Example:  ztoq retry --kind test_case && ztoq load
    """
    of_kind = kind_of(kind)
    output = Output(options)
    with (
        configured(options) as config,
        open_store(config) as store,
        store.run(options.verb) as run,
    ):
        _demand_failed(store, of_kind, keys)
        unmapped = store.decisions.unmapped.now(of_kind, keys)
        counts = store.decisions.retry.now(run.id, of_kind, keys)
        number = sum(counts.values())
        run.outcome = f"{counted(number, 'record is', 'records are')} ready again"

        def print_() -> None:
            figures = ", ".join(counted(count, each) for each, count in counts.items())
            output.out.print(f"Ready again: {figures}. Next: ztoq load" if number else _NONE)
            if unmapped:
                output.out.print(
                    f"{counted(unmapped, 'record')} could not be mapped, still failed: fix the "
                    "mapping, then run `ztoq transform`"
                )

        facts = {
            "exit": 0,
            "ready": {each.value: count for each, count in counts.items()},
            "unmapped": unmapped,
        }
        output.result(facts, print_)
    return 0


_NONE = "Nothing to retry: no record has failed, and none is missing in the target."


def _demand_failed(store: Store, kind: Kind | None, keys: Sequence[str]) -> None:
    states = store.decisions.states.now(kind, keys) if keys else {}
    for key in keys:
        if key not in states:
            raise ConfigError(f"no record has the key {key!r}; nothing was changed")
        if states[key] not in RETRYABLE:
            raise ConfigError(
                f"{key} is {states[key]}, not failed or deleted in the target; nothing was changed"
            )
