"""Measures what lost answers cost a load: the time of the event loop's clock, which jumps.

``python tests/performance/lost_answers.py``

Invented cases, each with a run of two executions, are loaded into a sink in memory with 20 ms
latency, 32 requests in flight and a time-out of 60 s: without losses, then with 4 % of the answers
lost (the object is made), then with 4 % of the requests lost (it is not). An answer that is lost
may cost no more than half the time again, and one settling time.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import attrs
from loguru import logger

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.virtual_time import run_in_virtual_time

from tests.timed_store import TimedStore
from ztoq_core import engine
from ztoq_core.contracts import Content, Found, Links, Written
from ztoq_core.errors import DoubtError, Exit
from ztoq_core.records import Kind, Record, Ref, TestCase, TestCycle, TestLog, TestRun
from ztoq_core.store import Store

LATENCY_S = 0.02
TIMEOUT_S = 60.0


class LossyTarget(MemorySink):
    """Loses one in ``each`` answers to a write, or the request itself; 0 loses nothing."""

    def __init__(self, *, each: int = 0, requests: bool = False) -> None:
        """Start empty."""
        super().__init__()
        self.each = each
        self.requests = requests
        self.writes = self.lost = self.looks = 0

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Do as the sink does; the connection may be cut before or after."""
        self.writes += 1
        lost = self.each and self.writes % self.each == 0
        self.lost += bool(lost)
        await asyncio.sleep(LATENCY_S)
        if lost and self.requests:
            raise DoubtError("the connection was cut")
        written = await super().write(record, target_id, links, content)
        if lost:
            raise DoubtError("the connection was cut")
        return written

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        """Do as the sink does, after the latency."""
        self.looks += 1
        await asyncio.sleep(LATENCY_S)
        return await super().find(record, links)


@attrs.frozen
class Loaded:
    """What a load took, in seconds of the loop's clock, and what it came to."""

    seconds: float
    complete: bool
    target: LossyTarget


def project(cases: int) -> list[Record]:
    """Return cases, a run of each in one cycle, and two executions of each run."""
    cycle = TestCycle(key="ACME-R1", name="Night")
    records: list[Record] = [cycle]
    for number in range(1, cases + 1):
        case = TestCase(key=f"ACME-T{number}", name=f"Case {number}")
        run = TestRun(key=f"ACME-R1/{case.key}/", case=case.ref, cycle=cycle.ref)
        records += [case, run]
        records += (
            TestLog(
                key=f"ACME-E{2 * number + place}",
                run=Ref(Kind.TEST_RUN, run.key),
                case=case.ref,
                status="Pass",
                number=place,
            )
            for place in (0, 1)
        )
    return records


def loaded(folder: Path, cases: int, target: LossyTarget) -> Loaded:
    """Extract, map and load a project; measure the load."""
    records = project(cases)

    async def work(store: Store) -> Loaded:
        with store.run("migrate") as run:
            await engine.extract(engine.Run(store, run.id), MemorySource(records, page_size=500))
            await engine.transform(engine.Run(store), lambda _: [])
            begun = asyncio.get_running_loop().time()
            await engine.load(engine.Run(store, run.id, request_timeout=TIMEOUT_S), target)
        seconds = asyncio.get_running_loop().time() - begun
        complete = sorted(target.keys()) == sorted(each.key for each in records)
        return Loaded(seconds, complete and engine.outcome(store).exit is Exit.OK, target)

    with TimedStore(f"sqlite:///{folder}/m.db") as store:
        return run_in_virtual_time(work(store))


def _quiet(_: engine.Event) -> None:
    """Tell nobody."""


def main() -> int:
    """Run all three, print the figures, and return the exit code."""
    logger.remove()
    given = _options().parse_args()
    targets = {
        "nothing lost": LossyTarget(),
        "4 % of the answers lost": LossyTarget(each=25),
        "4 % of the requests lost": LossyTarget(each=25, requests=True),
    }
    found: dict[str, Loaded] = {}
    for what, target in targets.items():
        with tempfile.TemporaryDirectory(prefix="ztoq-lost-") as name:
            found[what] = loaded(Path(name), given.cases, target)
    plain = found["nothing lost"].seconds
    for what, each in found.items():
        sys.stdout.write(
            f"{what:26} {each.seconds:7.1f} s  {each.target.writes} writes, {each.target.lost} "
            f"lost, {each.target.looks} looks, {'complete' if each.complete else 'INCOMPLETE'}\n"
        )
    most = 1.5 * plain + TIMEOUT_S
    sys.stdout.write(f"at most {most:.1f} s with lost answers\n")
    within = found["4 % of the answers lost"].seconds <= most
    return 0 if within and all(each.complete for each in found.values()) else 1


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, default=400)
    return made


if __name__ == "__main__":
    raise SystemExit(main())
