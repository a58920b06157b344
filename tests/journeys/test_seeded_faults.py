"""Faults in the target, put there by hand: validation finds each, names it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from ztoq_demo.qtest.objects import Log, Release

from tests.journeys.seeded_faults import (
    Fault,
    Scene,
    changed,
    faults,
    migrated,
    names,
    repaired,
    requirement_faults,
)
from ztoq_core import engine
from ztoq_core.engine.verdict.judgement import Outcome
from ztoq_core.store import Sample, ValidationLevel


def every_fault(scene: Scene) -> tuple[Fault, ...]:
    return (*faults(scene), *requirement_faults(scene))


@pytest.mark.acceptance
@pytest.mark.timeout(600)
async def test_each_fault_is_found_and_named_and_nothing_else(tmp_path: Path) -> None:
    async with migrated(tmp_path) as scene:
        assert await scene.found() == []
        assert engine.outcome(scene.store, engine.Goal.VALIDATE).outcome is Outcome.PROVED
        wrong = {}
        for name, seed, begins in every_fault(scene):
            undo = seed()
            found = await scene.found()
            undo()
            if len(found) != 1 or not names(found[0], begins):
                wrong[name] = begins, found
        assert wrong == {}
        assert await scene.found() == []


@pytest.mark.acceptance
async def test_a_sample_of_everything_reads_each_object_and_finds_the_same(tmp_path: Path) -> None:
    async with migrated(tmp_path) as scene:
        whole = Sample(size=100_000, seed=1)
        result = await scene.validate(ValidationLevel.SAMPLE, whole)
        assert (result.findings, result.unproved) == ((), ())
        assert result.sample
        assert result.sample.compared == result.sample.total > 100
        verdict = engine.outcome(scene.store, engine.Goal.VALIDATE)
        assert verdict.outcome is Outcome.NOT_PROVED
        changed(scene.case("DEMO-T2"), name="HACKED")
        result = await scene.validate(ValidationLevel.SAMPLE, whole)
        assert [each.partition(",")[0] for each in result.findings] == [
            "test case DEMO-T2: name is 'HACKED'"
        ]


async def test_all_faults_together_are_found_and_all_but_what_is_double_repaired(
    tmp_path: Path,
) -> None:
    async with migrated(tmp_path) as scene:
        seeded = list(every_fault(scene))
        undo = {name: seed() for name, seed, _ in seeded}
        found = await scene.found()
        unnamed = [name for name, _, begins in seeded if not any(names(f, begins) for f in found)]
        assert unnamed == [], found
        assert len(found) == len(seeded), found
        verdict = engine.outcome(scene.store, engine.Goal.VALIDATE)
        assert (verdict.outcome, int(verdict.exit)) == (Outcome.INCOMPLETE, 1)
        assert verdict.next == "ztoq validate --repair"

        undo["made twice"]()
        scene.qtest.state.remove(scene.things(Log)[-1])
        assert len(await scene.found()) == len(seeded)
        left = await repaired(scene, "overwrite")
        assert not left, "\n".join(left)
        verdict = engine.outcome(scene.store, engine.Goal.VALIDATE)
        assert verdict.outcome is Outcome.PROVED


@pytest.mark.acceptance
@pytest.mark.timeout(600)
async def test_a_deleted_object_is_missing_with_its_files(tmp_path: Path) -> None:
    async with migrated(tmp_path) as scene:
        plan = scene.things(Release)[0]
        key = scene.key(plan)
        scene.qtest.state.remove(plan)
        found = await scene.found()
        assert found[0] == f"test_plan {key}: missing"
        assert {each.partition(" ")[0] for each in found} == {"test_plan", "attachment"}


@pytest.mark.acceptance
@pytest.mark.timeout(600)
async def test_repair_leaves_what_somebody_edited_unless_told_otherwise(tmp_path: Path) -> None:
    async with migrated(tmp_path) as scene:
        case = scene.case("DEMO-T2")
        changed(case, name="Mine now")
        assert len(await scene.found()) == 1
        await repaired(scene, "keep-target")
        assert case.name == "Mine now"
        verdict = engine.outcome(scene.store, engine.Goal.VALIDATE)
        assert (verdict.outcome, verdict.next) == (Outcome.FAILED, "ztoq resolve")
