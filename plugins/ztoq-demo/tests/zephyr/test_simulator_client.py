"""Somebody else's client reads the demo project: zephyr-python-api 0.1.0 from the package index."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.model import Project
from ztoq_demo.zephyr.simulator import Simulator

zephyr = pytest.importorskip("zephyr", reason="zephyr-python-api is not installed")

SIZE = 25


def keys(values: Iterable[dict[str, Any]]) -> list[str]:
    return [value["key"] for value in values]


def names(values: Iterable[dict[str, Any]]) -> list[str]:
    return [value["name"] for value in values]


def read(base_url: str, token: str, project: Project) -> None:
    api = zephyr.ZephyrScale(base_url=f"{base_url}/", token=token).api
    query = {"projectKey": project.key, "maxResults": SIZE}
    assert "DEMO" in keys(api.projects.get_projects())
    assert api.projects.get_project("DEMO")["id"] == project.id
    assert names(api.statuses.get_statuses(**query)) == names_of(project.statuses)
    assert names(api.priorities.get_priorities(**query)) == names_of(project.priorities)
    assert names(api.environments.get_environments(**query)) == names_of(project.environments)
    assert len(list(api.folders.get_folders(**query))) == len(project.folders)
    assert keys(api.test_cases.get_test_cases(**query)) == [each.key for each in project.cases]
    for case in project.cases:
        body = api.test_cases.get_test_case(case.key)
        assert body["name"] == case.name
        assert len(api.test_cases.get_links(case.key)["issues"]) == len(case.issues)
        assert len(list(api.test_cases.get_versions(case.key))) == 1
        assert api.test_cases.get_version(case.key, "1")["key"] == case.key
        if case.script:
            assert api.test_cases.get_test_script(case.key)["text"] == case.script.text
        else:
            steps = list(api.test_cases.get_test_steps(case.key))
            texts = [step["inline"] and step["inline"]["description"] for step in steps]
            assert texts == [step.description for step in case.steps]
    cycles = api.test_cycles.get_test_cycles(**query)
    assert keys(cycles) == [each.key for each in project.cycles]
    for cycle in project.cycles:
        assert api.test_cycles.get_test_cycle(cycle.key)["id"] == cycle.id
        assert len(api.test_cycles.get_links(cycle.id)["testPlans"]) == 1
    assert keys(api.test_plans.get_test_plans(**query)) == ["DEMO-P1"]
    assert len(api.test_plans.get_test_plan("DEMO-P1")["links"]["testCycles"]) == 3
    runs = api.test_executions.get_test_executions(**query)
    assert keys(runs) == [each.key for each in project.executions]
    for run in project.executions:
        body = api.test_executions.get_test_execution(run.key)
        assert body["testCase"]["self"].endswith(f"/testcases/{run.case_key}/versions/1")
        assert len(api.test_executions.get_links(run.key)["issues"]) == len(run.issues)
        results = list(api.test_executions.get_test_steps(run.key))
        assert len(results) == len(run.results)
    assert keys(api.issue_links.get_test_cases("DEMO-107")) == ["DEMO-T19", "DEMO-T20"]


def names_of(items: Iterable[Any]) -> list[str]:
    return [item.name for item in items]


@pytest.mark.filterwarnings("default::ResourceWarning")  # the client never closes its session
async def test_the_client_of_others_reads_the_whole_demo_project() -> None:
    simulator = Simulator(shop())
    project = simulator.tenant.project("DEMO")
    async with simulator.serving() as base_url:
        await asyncio.to_thread(read, base_url, simulator.token(), project)
    assert simulator.writes == 0
    assert not simulator.server.errors
