"""The benchmarks run, in a short form: what they print in full stands in the README."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(600),
    pytest.mark.shared("data/mattermost"),
]


@pytest.mark.parametrize(
    "command",
    [
        "migrate_corpus.py --cases 600 --executions 900 --files 60",
        "transform_cases.py --cases 5000 --least 1000",
        "check_mapping.py --cases 5000",
        "files.py --cases 200",
        "lost_over_http.py --cases 60",
        "busy.py --times 5 --cases 30 --share 0.3",
    ],
)
def test_a_benchmark_passes_in_short(command: str) -> None:
    script, *options = command.split()
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=580,
    )
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout
