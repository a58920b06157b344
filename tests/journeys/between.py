"""Records in memory, the default mapping, and the simulated qTest over real HTTP: for tests of what
Zephyr's simulator does not give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
from ztoq_demo.qtest import Options, Simulator
from ztoq_mappings.to_qtest import TO_QTEST
from ztoq_mappings.to_qtest import Options as Mapping_
from ztoq_qtest import QtestConfig, open_qtest
from ztoq_testkit.memory import MemorySource
from ztoq_zephyr.rules import RULES

from tests.timed_store import TimedStore
from ztoq_core import engine
from ztoq_core.contracts import Schema, Secret, TransformContext, User
from ztoq_core.engine import Event
from ztoq_core.records import Kind, Record, Ref
from ztoq_core.services import Services
from ztoq_core.store import State, Store


def _quiet(_: Event) -> None:
    """Tell nobody."""


@attrs.define(kw_only=True)
class Between:
    """A store and a simulated site; records go from one to the other as often as one likes."""

    store: Store
    qtest: Simulator
    config: QtestConfig

    async def migrate(
        self,
        records: Iterable[Record],
        *,
        users: Iterable[User] = (),
        contents: Mapping[str, bytes] | None = None,
        accept_missing_fields: bool = False,
    ) -> engine.Verdict:
        """Bring the records over; return what it amounts to."""

        def build(schema: Schema) -> list[Any]:
            context = TransformContext(
                source=attrs.evolve(schema, users=tuple(users)),
                source_config=SimpleNamespace(project="ACME"),
                sink_config=self.config,
            )
            return [TO_QTEST.build(Mapping_(), context)]

        store = self.store
        async with open_qtest(self.config, Services(sink=store.note, outage=5.0)) as sink:
            with store.run("migrate") as run:
                read = engine.Run(store, run.id, rules=RULES)
                await engine.extract(read, MemorySource(records, contents))
                await engine.transform(read, build)
                await engine.load(
                    engine.Run(store, run.id, request_timeout=1.0),
                    sink,
                    accept_missing_fields=accept_missing_fields,
                )
                await engine.validate(engine.Run(store), sink)
        return engine.outcome(store)

    def case(self, name: str) -> dict[str, Any]:
        """Return a case of the site by its name."""
        found: dict[str, Any] = next(
            each for each in self.qtest.dump()["test_cases"] if each["name"] == name
        )
        return found

    def states(self, kind: Kind) -> dict[State, int]:
        """Return how many records of a kind are in which state."""
        return dict(self.store.reporting.counts().get(kind, {}))

    def notes(self, ref: Ref | None = None) -> list[str]:
        """Return the codes of the notes, of one record or of all."""
        if ref is not None:
            return [code for _, _, code, _ in self.store.history.notes.now(ref)]
        return [each.code for each in self.store.reporting.note_counts() for _ in range(each.count)]


@asynccontextmanager
async def between(
    folder: Path,
    options: Options | None = None,
    *,
    prepare: Callable[[Simulator], object] = lambda _: None,
    **settings: Any,
) -> AsyncIterator[Between]:
    """Serve a site, open a store in ``folder``; other keywords are the sink's."""
    qtest = Simulator(options or Options())
    prepare(qtest)
    async with qtest.serving() as base_url:
        given = {"project": qtest.options.project, "create_fields": True, "search_lag": 0.0}
        config = QtestConfig(
            **{**given, **settings}, base_url=base_url, token=Secret(qtest.options.token)
        )
        with TimedStore(f"sqlite:///{folder}/m.db", files=folder / "files") as store:
            yield Between(store=store, qtest=qtest, config=config)
