"""Carries out ``ztoq retry`` and ``ztoq resolve``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

import attrs
import rich_click as click

from ztoq_core import engine
from ztoq_core.cli.options import Options
from ztoq_core.cli.talk import Talk
from ztoq_core.cli.work import target
from ztoq_core.config import Config
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.records import Kind
from ztoq_core.store import State, Store, Undecided
from ztoq_core.words import counted

__all__ = ["Wishes", "kind_of", "resolve", "retry"]

Decision = Callable[[engine.Resolver, Undecided], Awaitable[str]]


@attrs.frozen(kw_only=True)
class Wishes:
    """Decisions by options: keys, for ``adopt`` each with the target's id behind an ``=``."""

    adopt: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.adopt or self.retry or self.skip)

    def each(self) -> Iterator[tuple[str, Decision]]:
        """Yield each key with what to do.

        Raises:
            ConfigError: An option lacks the id.
        """
        for pair in self.adopt:
            key, equals, target_id = pair.rpartition("=")
            if not equals or not key or not target_id:
                raise ConfigError(f"--adopt takes KEY=ID, not {pair!r}")
            yield key, _adopting(target_id)
        for key in self.retry:
            yield key, engine.Resolver.retry
        for key in self.skip:
            yield key, engine.Resolver.skip


def _adopting(target_id: str) -> Decision:
    return lambda resolver, record: resolver.adopt(record, target_id)


def kind_of(name: str | None) -> Kind | None:
    """Return the kind that an option names.

    Raises:
        ConfigError: There is no such kind.
    """
    if name is None:
        return None
    if name not in set(Kind):
        raise ConfigError(f"there is no kind {name!r} (known: {', '.join(Kind)})")
    return Kind(name)


# ------------------------------------------------------------------------------------------ retry


def retry(options: Options, config: Config, kind_name: str | None, keys: Sequence[str]) -> int:
    """Make what was refused ready again; return the exit code."""
    kind = kind_of(kind_name)
    talk = Talk(options)
    with Store(config.store_url, create=False) as store, store.run(options.verb) as run:
        _demand_failed(store, kind, keys)
        decisions = store.decisions
        unmapped = decisions.unmapped(kind, keys)
        counts = store.write_now(lambda: decisions.retry(run.id, kind, keys))
        number = sum(counts.values())
        run.outcome = f"{counted(number, 'record is', 'records are')} ready again"

        def print_() -> None:
            figures = ", ".join(counted(count, each) for each, count in counts.items())
            talk.out.print(f"Ready again: {figures}. Next: ztoq load" if number else _NONE)
            if unmapped:
                talk.out.print(
                    f"{counted(unmapped, 'record')} could not be mapped, still failed: mend the "
                    "mapping, then ztoq transform"
                )

        facts = {
            "exit": 0,
            "ready": {each.value: count for each, count in counts.items()},
            "unmapped": unmapped,
        }
        talk.result(facts, print_)
    return 0


_NONE = "Nothing that the target refused is to be tried again."


def _demand_failed(store: Store, kind: Kind | None, keys: Sequence[str]) -> None:
    states = store.decisions.states(kind, keys) if keys else {}
    for key in keys:
        if key not in states:
            raise ConfigError(f"there is no record {key!r} in the store")
        if states[key] is not State.FAILED:
            raise ConfigError(f"{key} is not failed but {states[key]}; nothing was changed")


# ---------------------------------------------------------------------------------------- resolve


def resolve(options: Options, config: Config, kind_name: str | None, wishes: Wishes) -> int:
    """List what is to be decided, carry out the decisions, and return the exit code."""
    asks = not wishes and not options.as_json and sys.stdin.isatty() and sys.stderr.isatty()
    with Store(config.store_url, create=False) as store:
        desk = _Desk(Talk(options), config, store, kind_of(kind_name))
        records = desk.records()
        if not records or not (wishes or asks):
            return desk.tell([], desk.found())
        planned = [(desk.one(records, key), decide) for key, decide in wishes.each()]
        config.sink.require()
        with store.run(options.verb) as run:
            said = asyncio.run(desk.decide(run.id, planned if wishes else None))
            left = desk.found()
            run.outcome = f"{len(said)} decided, {len(left)} left"
        return desk.tell(said, left)


@attrs.frozen
class _Desk:
    talk: Talk
    config: Config
    store: Store
    kind: Kind | None

    def found(self) -> list[Undecided]:
        """Return what is undecided, of the kind that was asked for."""
        return [
            each
            for each in self.store.decisions.undecided()
            if self.kind is None or each.ref.kind is self.kind
        ]

    def records(self) -> dict[str, list[Undecided]]:
        """Return what is undecided by key."""
        found: dict[str, list[Undecided]] = {}
        for each in self.found():
            found.setdefault(each.ref.key, []).append(each)
        return found

    @staticmethod
    def one(records: dict[str, list[Undecided]], key: str) -> Undecided:
        """Return the record that a key names.

        Raises:
            ConfigError: None does, or several.
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
        """Carry out what is planned, or ask about each record; return a sentence for each."""
        said: list[str] = []
        async with target(self.config, self.store.note, self.store) as sink:
            await sink.check()
            self.store.bind(sink=sink.identity)
            resolver = engine.Resolver(self.store, sink, run)
            for record, decide in planned if planned is not None else self._asked():
                said.append(await decide(resolver, record))
                self.talk.say(said[-1])
        return said

    def _asked(self) -> Iterator[tuple[Undecided, Decision]]:
        for record in self.found():
            click.echo(_line(record), err=True)
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

    def tell(self, said: Sequence[str], left: Sequence[Undecided]) -> int:
        """Tell what was decided and what is left; return the exit code."""
        code = int(Exit.LEFT if left else Exit.OK)

        def print_() -> None:
            for each in left:
                self.talk.out.print(_line(each))
            if left:
                self.talk.out.print(
                    f"{len(left):,} to decide: --adopt KEY=ID, --retry KEY or --skip KEY"
                )
            else:
                self.talk.out.print("Nothing is in doubt or in conflict.")
            if said:
                self.talk.out.print("Next: ztoq load")

        facts = {
            "exit": code,
            "decided": list(said),
            "left": [
                {
                    "kind": each.ref.kind.value,
                    "key": each.ref.key,
                    "state": each.state.value,
                    "reason": each.reason,
                    "attempts": each.attempts,
                    "target_id": each.target_id,
                    "pid": each.pid,
                    "url": each.url,
                    "at": each.at and f"{each.at.isoformat()}Z",
                }
                for each in left
            ],
        }
        self.talk.result(facts, print_)
        return code


def _line(record: Undecided) -> str:
    place = record.url or record.pid or record.target_id
    known = f", {place} in the target" if place else ""
    when = f", {record.at:%Y-%m-%d %H:%M} UTC" if record.at else ""
    tries = f", sent {counted(record.attempts, 'time')}" if record.attempts > 1 else ""
    return f"{record.ref} is {record.state}: {record.reason}{known}{tries}{when}"
