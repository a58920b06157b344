"""A rollback that a signal ends in its middle: the next verb begins with what is really there."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from ztoq_demo.qtest import Options
from ztoq_demo.qtest import Simulator as QTest
from ztoq_demo.zephyr.simulator import Simulator as Zephyr
from ztoq_testkit.simulate import Reply, Request

from tests.corpus.background import in_background
from tests.corpus.setting import command, environment, write_config, ztoq
from tests.journeys.test_bad_input import small_project

CASES = 80  # more than go at once before the signal arrives


def names(qtest: QTest) -> Counter[str]:
    """Count the cases in the target by their names."""
    return Counter(each.name for each in qtest.state.objects["test-cases"].values())


@pytest.mark.acceptance
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("verb", ["load", "rollback"])
def test_a_stopped_rollback_deceives_no_verb(
    number: signal.Signals, verb: str, tmp_path: Path
) -> None:
    zephyr, qtest = Zephyr([small_project(cases=CASES)]), QTest(Options())
    begun = threading.Event()

    def count(request: Request, reply: Reply) -> None:
        if request.method == "DELETE" and len(qtest.state.objects["test-cases"]) <= CASES - 10:
            begun.set()
        del reply

    with in_background(zephyr.serving(), qtest.serving()) as (source, target):
        config = write_config(tmp_path, source, target, project="ACME")
        env = environment(zephyr.token(), qtest.options.token)
        assert ztoq(config, "migrate", env=env).returncode == 0
        whole = names(qtest)
        qtest.server.recorder = count
        qtest.server.latency = 0.05
        process = subprocess.Popen(
            command(config, "rollback", "--yes"), cwd=tmp_path, env=env, stderr=subprocess.DEVNULL
        )
        assert begun.wait(60)
        process.send_signal(number)
        code = process.wait(30)
        assert code == (130 if number is signal.SIGTERM else -number)
        assert 0 < names(qtest).total() < whole.total()
        qtest.server.recorder, qtest.server.latency = None, 0.0
        if verb == "rollback":
            assert ztoq(config, "rollback", "--yes", env=env).returncode == 0
            assert names(qtest) == Counter()
        assert ztoq(config, "load", env=env).returncode == 0
        assert names(qtest) == whole
