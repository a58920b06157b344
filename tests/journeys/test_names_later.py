"""A Jira connection that is added after a first migration gives keys, names and requirements."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.shop import KEY

from tests.journeys.journey import Journey, journey
from ztoq_core import engine
from ztoq_core.migration.opening import new_run
from ztoq_core.records import IdKind, Kind
from ztoq_core.store import Store

FEW = 3
SOURCE = {"project": KEY, "attachments": []}


def calls(made: Journey) -> Counter[str]:
    """Return how often each path was asked for since the last time, Jira's apart from Zephyr's."""
    found = Counter(path for _, path in made.zephyr.server.calls.elements())
    made.zephyr.server.calls.clear()
    return found


async def mapped(made: Journey, store: Store) -> None:
    """Extract and transform, as the command does."""
    async with made.opened() as (read, source, _):
        with store.run("transform") as run:
            await source.check()
            await engine.extract(new_run(read, store, id=run.id), source)
            await engine.transform(new_run(read, store), read.build)


async def test_jira_may_be_connected_later(tmp_path: Path) -> None:
    async with journey(tmp_path, source=SOURCE, zephyr=Options(), read=shop()[0]) as made:
        with made.store() as store:
            await mapped(made, store)
            assert "18 of 18 issues, 3 of 3 people, 2 of 2 components" in engine.unresolved_ids(
                store
            )
            assert Kind.REQUIREMENT not in store.reporting.counts()
        first = calls(made)
        assert not [path for path in first if path.startswith("/jira")]

        base_url = str(made.tables["source"]["base_url"])
        made.tables["source"]["jira"] = made.zephyr.jira_table(base_url)
        with made.store() as store:
            await mapped(made, store)
            assert engine.unresolved_ids(store) == ""
            assert sum(store.reporting.counts()[Kind.REQUIREMENT].values()) == 12
            people = {each.name for each in store.id_names.people.now()}
            assert people == {"Anna Berg", "Ben Okafor", "Carla Ruiz"}
        second = calls(made)
        jira = {path: number for path, number in second.items() if path.startswith("/jira")}
        assert jira["/jira/rest/api/2/issue/{id}"] == 18
        assert jira["/jira/rest/api/2/user"] == 3
        # one list each answers for all, one by one nothing is left to ask
        assert jira["/jira/rest/api/2/project/{key}/components"] == 1
        assert jira["/jira/rest/api/2/project/{key}/versions"] == 1
        assert not {"/jira/rest/api/2/component/{id}", "/jira/rest/api/2/version/{id}"} & set(jira)
        rest = second - Counter(jira)
        assert rest.keys() == first.keys()
        # on a busy machine a GET may be answered too late, and is sent again
        assert abs(rest.total() - first.total()) <= FEW

        with made.store() as store:
            await mapped(made, store)
            assert store.id_names.to_ask.now(99, IdKind.ISSUE, "", 10) == []
        third = calls(made)
        assert {path for path in third if path.startswith("/jira")} == {"/jira/rest/api/2/myself"}
        assert made.zephyr.writes == 0
