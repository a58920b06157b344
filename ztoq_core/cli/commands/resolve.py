"""``ztoq resolve``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

import attrs
import rich_click as click

from ztoq_core import engine
from ztoq_core.cli.options import KIND, Options, verb
from ztoq_core.cli.output import Output, as_facts
from ztoq_core.cli.session import configured, kind_of, open_sink
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.migration.opening import open_store
from ztoq_core.records import Kind, counted
from ztoq_core.settings.config import Config
from ztoq_core.store import Store, Undecided

Decision = Callable[[engine.Resolver, Undecided], Awaitable[str]]


def _pair(text: str) -> tuple[str, str]:
    """Return the key and the target's id that ``--adopt`` gives.

    Raises:
        ConfigError: One of them is missing.
    """
    key, _, target_id = text.rpartition("=")
    if not key or not target_id:
        raise ConfigError(f"--adopt takes KEY=ID, not {text!r}")
    return key, target_id


def _adopting(target_id: str) -> Decision:
    return lambda resolver, record: resolver.adopt(record, target_id)


@click.command()
@click.option("--kind", metavar="KIND", help=KIND)
@click.option(
    "--adopt",
    multiple=True,
    metavar="KEY=ID",
    help="The record is this object in the target. May be repeated, like the others.",
)
@click.option(
    "--retry",
    multiple=True,
    metavar="KEY",
    help="Send it again, even if it may exist.",
)
@click.option(
    "--skip", multiple=True, metavar="KEY", help="Leave it in the target as it is, or leave it out."
)
@verb
def resolve(
    options: Options,
    *,
    kind: str | None,
    adopt: tuple[str, ...],
    retry: tuple[str, ...],
    skip: tuple[str, ...],
) -> int:
    """List records in doubt or in conflict, and decide about them; asks on a terminal.

    In doubt: the answer to a write was lost, and it could not be found out whether the object
    exists. In conflict: somebody changed the object in the target, or an execution is older than
    the newest there. Decisions are recorded; the next load carries them out. The exit code is 1
    while anything is left to decide.

    \b
    Example:  ztoq resolve --adopt ACME-T1=4711 --skip ACME-T2
    """
    given = [(key, _adopting(target_id)) for key, target_id in map(_pair, adopt)]
    given += [(key, engine.Resolver.retry) for key in retry]
    given += [(key, engine.Resolver.skip) for key in skip]
    asks = not given and not options.as_json and sys.stdin.isatty() and sys.stderr.isatty()
    with configured(options) as config, open_store(config) as store:
        session = ResolveSession(Output(options), config, store, kind_of(kind))
        records = session.records()
        planned = [(session.one(records, key), decide) for key, decide in given]
        if not records or not (given or asks):
            return session.print([], session.found())
        config.sink.require()
        with store.run(options.verb) as run:
            said = asyncio.run(session.decide(run.id, planned if given else None))
            left = session.found()
            run.outcome = f"{len(said)} decided, {len(left)} left"
        return session.print(said, left)


@attrs.frozen
class ResolveSession:
    """The undecided records of a store, and decisions about them."""

    output: Output
    config: Config
    store: Store
    kind: Kind | None

    def found(self) -> list[Undecided]:
        """Return the undecided records of the kind."""
        return [
            each
            for each in self.store.decisions.undecided.now()
            if self.kind is None or each.ref.kind is self.kind
        ]

    def records(self) -> dict[str, list[Undecided]]:
        """Return the undecided records by key."""
        found: dict[str, list[Undecided]] = {}
        for each in self.found():
            found.setdefault(each.ref.key, []).append(each)
        return found

    @staticmethod
    def one(records: dict[str, list[Undecided]], key: str) -> Undecided:
        """Return the record with this key.

        Raises:
            ConfigError: There is none, or several.
        """
        these = records.get(key, [])
        if not these:
            raise ConfigError(f"{key!r} is neither in doubt nor in conflict; nothing was changed")
        if len(these) > 1:
            kinds = ", ".join(each.ref.kind for each in these)
            raise ConfigError(f"{key!r} names several records ({kinds}): add --kind")
        return these[0]

    async def decide(
        self, run: int, planned: Sequence[tuple[Undecided, Decision]] | None
    ) -> list[str]:
        """Carry out the planned decisions, or ask about each record; return what was done."""
        said: list[str] = []
        async with open_sink(self.config, self.store.note, self.store, output=self.output) as sink:
            await engine.checked(sink)
            self.store.bind(sink=sink.identity)
            resolver = engine.Resolver(self.store, sink, run)
            for record, decide in planned if planned is not None else self._asked():
                said.append(await decide(resolver, record))
                self.output.info(said[-1])
        return said

    def _asked(self) -> Iterator[tuple[Undecided, Decision]]:
        for record in self.found():
            self.output.err.print(_line(record))
            while True:
                answer = click.prompt(
                    "adopt ID, retry, skip, or later", default="later", err=True
                ).split()
                match answer:
                    case ["adopt", target_id]:
                        yield record, _adopting(target_id)
                    case ["retry"]:
                        yield record, engine.Resolver.retry
                    case ["skip"]:
                        yield record, engine.Resolver.skip
                    case ["later"]:
                        pass
                    case _:
                        continue
                break

    def print(self, said: Sequence[str], left: Sequence[Undecided]) -> int:
        """Print what was decided and what is left; return the exit code."""
        code = int(Exit.LEFT if left else Exit.OK)

        def print_() -> None:
            for each in left:
                self.output.out.print(_line(each))
            if left:
                self.output.out.print(
                    f"{len(left):,} to decide: --adopt KEY=ID, --retry KEY or --skip KEY"
                )
            else:
                self.output.out.print("Nothing is in doubt or in conflict.")
            if said:
                self.output.out.print("Next: ztoq load")

        facts = {
            "exit": code,
            "decided": list(said),
            "left": [
                as_facts(each, "item") | {"at": each.at and f"{each.at.isoformat()}Z"}
                for each in left
            ],
        }
        self.output.result(facts, print_)
        return code


def _line(record: Undecided) -> str:
    place = record.url or record.pid or record.target_id
    known = f", {place} in the target" if place else ""
    when = f", {record.at:%Y-%m-%d %H:%M} UTC" if record.at else ""
    tries = f", sent {counted(record.attempts, 'time')}" if record.attempts > 1 else ""
    return f"{record.ref} is {record.state}: {record.reason}{known}{tries}{when}"
