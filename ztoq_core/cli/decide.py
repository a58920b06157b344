"""The verbs by which people decide: retry, resolve, rollback, and explain to look first."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it runs: --help answers at once

from __future__ import annotations

import rich_click as click

from ztoq_core.cli.options import Options, as_json

__all__ = ["explain", "resolve", "retry", "rollback"]

KIND = "Only records of this kind (test_case, attachment …)."


@click.command()
@click.option("--kind", metavar="KIND", help=KIND)
@click.option("--key", "keys", multiple=True, metavar="KEY", help="Only this; may be repeated.")
@as_json
@click.pass_obj
def retry(options: Options, *, kind: str | None, keys: tuple[str, ...]) -> int:
    """Let what the target refused be sent again by the next load; neither side is called.

    What is blocked by it follows. Records that could not be mapped need another mapping, files and
    records that the source did not give another extraction.

    \b
    Example:  ztoq retry --kind test_case && ztoq load
    """  # noqa: D301 - \b is click's mark for a block that stays as it is
    from ztoq_core.cli.deciding import retry as tried
    from ztoq_core.cli.work import configured

    options.verb = "retry"
    with configured(options) as config:
        return tried(options, config, kind, keys)


@click.command()
@click.option("--kind", metavar="KIND", help=KIND)
@click.option(
    "--adopt",
    multiple=True,
    metavar="KEY=ID",
    help="The record is this object of the target; may be repeated, as the others.",
)
@click.option("--retry", multiple=True, metavar="KEY", help="Send the record again all the same.")
@click.option(
    "--skip", multiple=True, metavar="KEY", help="Leave it as it is there, or out if it is not."
)
@as_json
@click.pass_obj
def resolve(
    options: Options,
    *,
    kind: str | None,
    adopt: tuple[str, ...],
    retry: tuple[str, ...],  # noqa: A002, RUF100 - the option's name
    skip: tuple[str, ...],
) -> int:
    """List what is in doubt or in conflict, and decide about it; asks on a terminal.

    In doubt: the answer to a write was lost, and the object could not be looked for. In conflict:
    somebody changed the object in the target, or an execution is older than the newest there.
    Decisions are journaled; what is to be sent is sent by the next load. The exit code is 1 while
    anything is left to decide.

    \b
    Example:  ztoq resolve --adopt ACME-T1=4711 --skip ACME-T2
    """  # noqa: D301
    from ztoq_core.cli.deciding import Wishes
    from ztoq_core.cli.deciding import resolve as resolved
    from ztoq_core.cli.work import configured

    options.verb = "resolve"
    with configured(options) as config:
        return resolved(options, config, kind, Wishes(adopt=adopt, retry=retry, skip=skip))


@click.command()
@click.option("--run", "of_run", type=int, metavar="N", help="Undo only this run.  [default: all]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Remove objects too that somebody changed since.")
@click.option("--dry-run", is_flag=True, help="Look at all of it, say what would go, remove none.")
@as_json
@click.pass_obj
def rollback(
    options: Options,
    *,
    of_run: int | None,
    yes: bool,
    force: bool,
    dry_run: bool,
) -> int:
    """Remove from the target what ztoq created there, and nothing else.

    Objects that somebody changed since stay, and so do containers that hold anything of somebody
    else. What one run changed is put back. May be stopped and run again. The exit code is 1 where
    anything stays.

    \b
    Example:  ztoq rollback --dry-run
    """  # noqa: D301
    from ztoq_core.cli.undoing import Wish, roll_back
    from ztoq_core.cli.work import configured

    options.verb = "rollback"
    with configured(options) as config:
        wish = Wish(of_run=of_run, yes=yes, force=force, dry_run=dry_run)
        return roll_back(options, config, wish)


@click.command()
@click.argument("name", metavar="KEY")
@click.option("--kind", metavar="KIND", help=KIND)
@as_json
@click.pass_obj
def explain(options: Options, *, name: str, kind: str | None) -> int:
    """Tell the life of one record, by its key or its id in the target.

    What the source gave, what each transformer changed, what was sent and answered, and what stands
    in the target now, where that can be reached.

    \b
    Example:  ztoq explain ACME-T1
    """  # noqa: D301
    from ztoq_core.cli.explaining import explain as told
    from ztoq_core.cli.work import configured

    options.verb = "explain"
    with configured(options) as config:
        return told(options, config, name, kind)
