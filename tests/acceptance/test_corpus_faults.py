"""Faults put into the target of a cut of the real corpus: found, named and mended, nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ztoq_demo.qtest.objects import Log
from ztoq_demo.zephyr import corpus as files
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.simulator import Simulator

from tests.corpus.corpus import corpus, shared_data
from tests.corpus.pictures import FOLDER
from tests.journeys.seeded_faults import faults, migrated, names, repaired
from ztoq_core import engine
from ztoq_core.contracts import Secret
from ztoq_core.engine.verdict.judgement import Outcome

pytestmark = [
    pytest.mark.shared("data/mattermost"),
    pytest.mark.timeout(900),
]


@asynccontextmanager
async def cut(folder: Path) -> AsyncIterator[Mapping[str, Any]]:
    """Serve 300 of the real cases, with executions and files."""
    data = shared_data()
    assert data
    file = folder / "corpus.json"
    corpus(data, cases=300, executions=360, files=60).write(file)
    simulator = Simulator(files.read(file), Options(jira="https://acme.example.com"))
    async with simulator.serving() as base_url:
        yield {
            "use": "zephyr",
            "base_url": base_url,
            "project": "MM",
            "token": Secret(simulator.token()),
        }


async def test_faults_in_the_corpus_are_found_and_mended(tmp_path: Path) -> None:
    images = {"folder": str(tmp_path / FOLDER)}
    async with migrated(tmp_path, partial(cut, tmp_path), images=images) as scene:
        assert await scene.found() == []
        seeded = list(faults(scene))
        wrong = {}
        for name, seed, begins in seeded:
            undo = seed()
            found = await scene.found()
            undo()
            if len(found) != 1 or not names(found[0], begins):
                wrong[name] = begins, found
        assert wrong == {}

        for name, seed, _ in seeded:
            if name != "made twice":  # listed, and left
                seed()
        with_files = {each.owner for each in scene.qtest.state.attachments.values()}
        scene.qtest.state.remove(
            next(each for each in reversed(scene.things(Log)) if each.place not in with_files)
        )
        assert len(await scene.found()) == len(seeded)
        assert await repaired(scene, "overwrite") == []
        verdict = engine.outcome(scene.store, engine.Goal.VALIDATE)
        assert verdict.outcome is Outcome.PROVED
