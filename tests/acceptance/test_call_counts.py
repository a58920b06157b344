"""How many calls a migration makes: one for what is told once, none twice."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.corpus.corpus import corpus, shared_data
from tests.performance.calls import API, FOR, STAGES, count

CASES, EXECUTIONS, FILES = 30, 40, 4
TWICE = f"GET {API}/settings/{{objectType}}/fields"
"""Read before a field is made, so that making it may be repeated, and after."""


@pytest.mark.shared("data/mattermost")
def test_a_call_is_made_once_for_each_object() -> None:
    data = shared_data()
    assert data is not None
    made = corpus(data, cases=CASES, executions=EXECUTIONS, files=FILES)
    extracted, loaded = count(made, STAGES[0]), count(made, STAGES[1])

    for route, number in extracted.calls.items():
        objects = extracted.objects[FOR.get(route, "")]
        # a case on no list is read with its steps and files, too
        assert not objects or number <= objects + 10, route
    written = Counter(loaded.calls)
    written.subtract(extracted.calls)
    for route, number in written.items():
        objects = loaded.objects[FOR.get(route, "")]
        assert not objects or number <= objects + 1 or route == TWICE, route
    assert written[f"POST {API}/test-cases"] == loaded.objects["test case"]
    assert written[f"POST {API}/test-runs/{{testRunId}}/test-logs"] == loaded.objects["test log"]
    assert not written[f"GET {API}/test-runs/{{testRunId}}/test-logs"]
    assert not written[f"POST {API}/search"]
