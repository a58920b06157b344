"""Kills ``ztoq migrate`` again and again at random instants, and holds the target against another.

``python tests/performance/kill_loop.py --kills 50``

500 real cases with executions and files go from the simulated Zephyr to the simulated qTest, each
in a process of its own. Both lose 5 % of their answers and answer 5 % with 5xx, half of these after
they did what was asked; a search of qTest lags 300 ms, its tokens of a password login live 3 s. The
command is killed by SIGKILL and started again until all is there, and then left to finish. What
qTest then holds is compared, field by field and file by file, with what an undisturbed run wrote.
The next round does the same with fresh sites, until there were as many kills as asked. Exit code 1
where anything exists twice, is missing, or differs.

With ``--stops`` the command is also stopped by SIGSTOP for longer than the lease, while a second
one starts: one of the two ends by itself, and never do both write. With ``--cuts`` (PostgreSQL) all
its connections are cut. With ``--clocks`` each start has another clock on the wall: an hour or a
minute behind or ahead, by libfaketime. A lease lasts 2 s here instead of 30.

After a kill ztoq waits until what was under way cannot arrive any more: the request's time-out
([sink] timeout, here 2 s instead of 60), then the lag of the search.

``--once`` kills a run without faults once, at half time, and prints how many records were read
again, how many the kill left in doubt, and how many calls both cost. Exit code 1 where the records
are more than three for each request that may be in flight.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from playhouse.db_url import connect

from tests.corpus.corpus import corpus, shared_data
from tests.corpus.setting import PROJECT_ID, command, environment
from tests.performance.portrait import Portrait, differences, portrait, twice
from tests.performance.sites import Site
from ztoq_core.errors import Exit
from ztoq_core.store import Store
from ztoq_core.store.lease import UNEXPECTED

SHOWN = 30
SLOTS = 32
"""Requests that may be in flight, by default."""
LEASE_S = 2.0
SHORT_LEASE = f"""\
import sys
from ztoq_core.store.database import Database
Database.lease_s, Database.beat_s = {LEASE_S}, 0.2
from ztoq_core.cli import main
main()
"""
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
CLOCKS = ("-3600", "-60", "+0", "+60", "+3600")
PATIENCE_S = 120
"""Seconds in which a command that has lost its store, or its connections, has to end."""
KILLS_A_ROUND = 25
MOST_RUNS = 6
"""Undisturbed starts that a migration may need at the end: each settles what the faults left."""

USER, PASSWORD = "quinn@example.com", "of a simulator"
FAULTS = {"lost": 0.05, "error_5xx": 0.025, "error_after": 0.025}
CONFIG = """\
[store]
url = "{store}"

[source]
use = "zephyr"
base_url = "{zephyr}"
project = "MM"
token = {{ env = "ZEPHYR_TOKEN" }}
timeout = 2

[images]
fetch = false

[sink]
use = "qtest"
base_url = "{qtest}"
project = {project}
username = "{user}"
password = {{ env = "QTEST_PASSWORD" }}
create_fields = true
timeout = 2
search_lag = 0.3
"""


class Scene:
    """Both sites, a folder with a configuration, and the command."""

    def __init__(self, folder: Path, zephyr: Site, qtest: Site, store: str) -> None:
        self.zephyr, self.qtest = zephyr, qtest
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = folder / "ztoq.toml"
        text = CONFIG.format(
            store=store, zephyr=zephyr.url, qtest=qtest.url, project=PROJECT_ID, user=USER
        )
        self.config.write_text(text, "utf-8")
        self.env = environment(zephyr.token, "") | {"QTEST_PASSWORD": PASSWORD}
        self.store = store
        self.output = folder / "output.txt"

    def start(self, *verb: str, clock: str = "") -> subprocess.Popen[bytes]:
        given = command(self.config, "--log-file", "ztoq.log", *verb)[3:]
        faked = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": clock, "DONT_FAKE_MONOTONIC": "1"}
        faked |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        with self.output.open("ab") as out:
            out.write(f"--- {' '.join(verb)}\n".encode())
            out.flush()
            return subprocess.Popen(
                [sys.executable, "-c", SHORT_LEASE, *given],
                cwd=self.folder,
                env=self.env | (faked if clock else {}),
                stdout=out,
                stderr=out,
            )

    def run(self, *verb: str) -> int:
        return self.start(*verb).wait(timeout=1200)

    def calls(self) -> int:
        return sum(sum(site.told()["calls"].values()) for site in (self.zephyr, self.qtest))

    def work(self) -> int:
        """Return how many different requests were carried out, which grows as the work does."""
        return sum(site.told()["places"] for site in (self.zephyr, self.qtest))

    def standing(self) -> Portrait:
        told = self.qtest.told()
        assert not told["errors"], told["errors"][0]
        return portrait(told["dump"])

    def commits(self) -> int:
        """Return the commits of the last command, which opens its store again for the verdict."""
        log = (self.folder / "ztoq.log").read_text()
        found = re.findall(r"(\d+) commits to the store", log)
        return max(map(int, found[-2:]))


@contextlib.contextmanager
def scene(given: argparse.Namespace, name: str, *, faults: bool) -> Iterator[Scene]:
    """Serve both sides anew."""
    folder = given.folder / name
    seed = {"seed": given.seed}
    options: dict[str, object] = {"username": USER, "password": PASSWORD}
    if faults:
        options |= {"token_life": 3, "search_lag": 0.3}
    shares = FAULTS | seed if faults else {}
    with (
        Site(
            "zephyr",
            options={"jira": "https://acme.example.com"},
            faults=shares,
            corpus=given.folder / "corpus.json",
        ) as zephyr,
        Site("qtest", options=options, faults=shares) as qtest,
        fresh(given.store, f"kill_{os.getpid()}_{name}") as store,
    ):
        yield Scene(folder, zephyr, qtest, store)


@contextlib.contextmanager
def fresh(store: str, name: str) -> Iterator[str]:
    """Yield the URL of an empty store: in PostgreSQL each scene has a schema of its own."""
    if store.startswith("sqlite"):
        yield store
        return
    database = connect(store)
    with database:
        database.execute_sql(f"CREATE SCHEMA {name}")
    yield f"{store}?options=-csearch_path={name}"
    with database:
        database.execute_sql(f"DROP SCHEMA {name} CASCADE")


def undisturbed(given: argparse.Namespace) -> tuple[Portrait, int, int, float]:
    """Migrate in peace; return what stands then, calls, different calls, seconds."""
    with scene(given, "peace", faults=False) as here:
        begun = time.monotonic()
        code = here.run("migrate")
        seconds = time.monotonic() - begun
        if code:
            _say("an undisturbed run ends with", code)
            sys.stdout.write(here.output.read_text()[-2_000:])
        return here.standing(), here.calls(), here.work(), seconds


def commits_per_record(given: argparse.Namespace) -> float:
    """Load in peace with 32 in flight; return the commits for each record that was written."""
    with scene(given, "commits", faults=False) as here:
        here.run("extract")
        here.run("transform")
        here.run("load")
        expected = here.standing()
        records = sum(
            len(things) + sum(sum(_files_of(thing)) for thing in things)
            for name, things in expected.items()
            if name not in {"links", "parameters", "cascades"}
        )
        return here.commits() / records


def _files_of(thing: Any) -> Iterator[int]:
    if isinstance(thing, dict):
        yield len(thing.get("attachments", ()))
        for step in (thing.get("versions") or [{"steps": thing.get("steps", ())}])[-1]["steps"]:
            yield len(step["attachments"])


def kill_loop(given: argparse.Namespace) -> int:
    """Kill, start again, finish, compare, until all was done; return the exit code."""
    expected, calls, places, seconds = undisturbed(given)
    _say("undisturbed", f"{seconds:.1f} s, {calls} calls, {len(expected)} objects and fields")
    trouble = Trouble(given, random.Random(given.seed))
    doubled: list[str] = []
    unlike: list[str] = []
    failed = rounds = 0
    begun = time.monotonic()
    while trouble.is_left:
        rounds += 1
        with scene(given, f"war{rounds}", faults=True) as here:
            one_round(here, trouble, places, seconds)
            codes: list[int] = []
            while (not codes or codes[-1]) and len(codes) < MOST_RUNS:
                codes.append(here.run("migrate"))
            found = here.standing()
            failed += bool(codes[-1])
            doubled += twice(found, expected)
            unlike += differences(found, expected)
            faults = [sum(site.told()["made"].values()) for site in (here.zephyr, here.qtest)]
            _say(
                f"round {rounds}",
                f"{trouble.kills} kills, {trouble.stops} stops, {trouble.cuts} cuts so far; "
                f"ends with {codes} after {here.calls()} calls ({calls} undisturbed), {faults} "
                f"faults of both; {len(doubled)} double, {len(unlike)} missing or different",
            )
    missing = [line for line in unlike if line.endswith("is missing")]
    trouble.say()
    _say("rounds that did not end", failed)
    _say("duplicates", len(doubled))
    _say("missing", len(missing))
    _say("fields that differ", len(unlike) - len(missing))
    _say("seconds", f"{time.monotonic() - begun:.0f}")
    if not given.short:
        ratio = commits_per_record(given)
        _say("commits per record", f"{ratio:.2f} at 32 in flight")
    for line in (doubled + unlike)[:SHOWN]:
        sys.stdout.write(f"  {line}\n")
    return 1 if doubled or unlike or failed or trouble.failed else 0


def one_round(here: Scene, trouble: Trouble, places: int, seconds: float) -> None:
    """Make trouble until all of the work, of so many seconds, or all of the trouble is done."""
    given, rng = trouble.given, trouble.rng
    least = 1.5  # a start of the command takes about as long
    wait = max(least, min(4.0, seconds / 4))
    done, before = 0.0, trouble.kills
    while trouble.is_left and done < 1:
        calls = here.calls()
        process = here.start("migrate", clock=rng.choice(CLOCKS) if given.clocks else "")
        while trouble.waits and process.poll() is None and here.calls() == calls:
            time.sleep(0.1)  # what is stopped or cut off has to hold the store
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=rng.uniform(0.1, 2 * wait))
        done = here.work() / places
        trouble.make(here, process, done)
        # so that the kills are spread over the whole of the work
        slow = done > (trouble.kills - before) / KILLS_A_ROUND
        wait = max(least, wait * (0.85 if slow else 1.2))
        if given.verbose:
            _say(f"kill {trouble.kills}", f"{done:.0%}, next within {2 * wait:.1f} s")


class Trouble:
    """What is done to the command while it works, and what became of it."""

    def __init__(self, given: argparse.Namespace, rng: random.Random) -> None:
        self.given = given
        self.rng = rng
        self.kills = self.stops = self.cuts = self.hangs = 0
        self.codes: dict[str, set[int]] = {"stop": set(), "cut": set()}

    @property
    def is_left(self) -> bool:
        """Whether anything is still to be made."""
        return self.waits or bool(self.kills < self.given.kills)

    @property
    def waits(self) -> bool:
        """Whether some stops or cuts are still to be made."""
        return bool(self.stops < self.given.stops or self.cuts < self.given.cuts)

    def make(self, here: Scene, process: subprocess.Popen[bytes], done: float) -> None:
        """Stop, cut or kill the command if it still runs; ``done`` is the share of the work."""
        if process.poll() is None and done > 0:
            due = self._due()
            if due == "stop":
                self.stops += 1
                self._stop(here, process)
            elif due == "cut":
                self.cuts += 1
                cut(here.store)
                self._count("cut", ended(process))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.kills += done < 1

    def _due(self) -> str:
        """Draw what comes next, so that all kinds are spread over the work."""
        left = {
            "stop": self.given.stops - self.stops,
            "cut": self.given.cuts - self.cuts,
            "kill": max(0, self.given.kills - self.kills),
        }
        return self.rng.choices(list(left), list(left.values()))[0] if any(left.values()) else ""

    def _stop(self, here: Scene, process: subprocess.Popen[bytes]) -> None:
        """Stop a run for longer than its lease while a second one starts.

        In SQLite a stopped process is alive, so the second is refused; in PostgreSQL it takes over,
        and the first finds out when it goes on. Each then ends with its code.
        """
        process.send_signal(signal.SIGSTOP)
        time.sleep(LEASE_S + 0.5)
        second = here.start("migrate")
        if here.store.startswith("sqlite"):
            code = ended(second)
            process.send_signal(signal.SIGCONT)
            time.sleep(self.rng.uniform(0, 5))
        else:
            with Store(here.store, create=False) as store:
                while second.poll() is None and store.reporting.runs()[-1].pid != second.pid:
                    time.sleep(0.1)
            time.sleep(self.rng.uniform(0, 5))
            process.send_signal(signal.SIGCONT)
            code = ended(process)
            second.kill()
            second.wait()
        if code == 0 and not self._taken(here, process):
            self.stops -= 1  # its run had ended before it was stopped
        else:
            self._count("stop", code)

    def _taken(self, here: Scene, process: subprocess.Popen[bytes]) -> bool:
        """Return whether another run took the store from this process."""
        with Store(here.store, create=False) as store:
            runs = [run for run in store.reporting.runs() if run.pid == process.pid]
        return any(run.outcome == UNEXPECTED for run in runs)

    def _count(self, why: str, code: int | None) -> None:
        if code is None:
            self.hangs += 1
        else:
            self.codes[why].add(code)

    @property
    def failed(self) -> bool:
        """Whether a command hung, or one that had lost the store did not end as such."""
        return bool(self.hangs or self.codes["stop"] - {Exit.START, Exit.STOPPED})

    def say(self) -> None:
        """Print it."""
        _say("kills", f"{self.kills}, each before all was there")
        _say("stops", f"{self.stops}; the run without the store ended with {self.codes['stop']}")
        _say("connections cut", f"{self.cuts}; the run ended with {self.codes['cut']}")
        _say("hangs", self.hangs)


def ended(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of a process that has to end by itself, None if it does not."""
    try:
        return process.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return None


def cut(store: str) -> None:
    """End all connections to a PostgreSQL database but our own."""
    with Store(store) as own:
        own.database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def once(given: argparse.Namespace) -> int:
    """Kill after a share of the calls, go on, and count what is asked for again; return the code.

    That are records that were read again, and those that the kill left in doubt, which are looked
    for.
    """
    expected, calls, _, seconds = undisturbed(given)
    with scene(given, "once", faults=False) as here:
        process = here.start("migrate")
        while here.calls() < calls * given.at and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = here.calls()
        relative = here.store.startswith("sqlite")
        place = f"sqlite:///{here.folder / 'migration.db'}" if relative else here.store
        with Store(place, create=False) as store:
            text = "SELECT count(*) FROM item WHERE state = 'sending'"
            ((doubtful,),) = store.database.select(text)
        code = here.run("migrate")
        spent, found = here.calls(), here.standing()
        again = len(here.zephyr.told()["again"])
    repeated = (spent - calls) / calls
    wrong = twice(found, expected) + differences(found, expected)
    _say("undisturbed", f"{calls} calls, {seconds:.1f} s")
    _say("killed after", f"{before} calls, {before / calls:.0%}")
    _say("calls repeated", f"{spent - calls}, {repeated:.1%} of a run")
    _say("records read again", f"{again}, of {3 * SLOTS} that may be")
    _say("records in doubt", f"{doubtful}, of {3 * SLOTS} that may be")
    _say("exit code", code)
    _say("differences", len(wrong))
    for line in wrong[:SHOWN]:
        sys.stdout.write(f"  {line}\n")
    return 1 if wrong or code or max(again, doubtful) > 3 * SLOTS else 0


def _say(what: str, value: object) -> None:
    sys.stdout.write(f"{what:24} {value}\n")
    sys.stdout.flush()


def main() -> int:
    """Run once and return the exit code."""
    given = _options().parse_args()
    data = given.data or shared_data()
    if data is None or not data.is_dir():
        sys.stderr.write("the real cases (shared/data/mattermost) are not there; see --data\n")
        return 2
    if given.clocks and FAKETIME is None:
        sys.stderr.write("libfaketime is not there: apt-get install faketime\n")
        return 2
    made = corpus(
        data, cases=given.cases, executions=given.executions, files=given.files, seed=given.seed
    )
    with tempfile.TemporaryDirectory(prefix="ztoq-kill-") as folder:
        given.folder = given.keep or Path(folder)
        given.folder.mkdir(parents=True, exist_ok=True)
        made.write(given.folder / "corpus.json")
        return once(given) if given.once else kill_loop(given)


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--kills", type=int, default=50)
    made.add_argument("--stops", type=int, default=0, help="SIGSTOPs beyond the lease")
    made.add_argument("--cuts", type=int, default=0, help="cuts of all connections, PostgreSQL")
    made.add_argument("--clocks", action="store_true", help="another clock for each start")
    made.add_argument("--once", action="store_true", help="one kill; count what is asked again")
    made.add_argument("--at", type=float, default=0.5, help="the share of calls before --once")
    made.add_argument("--cases", type=int, default=500, help="of the 4,366 real ones")
    made.add_argument("--executions", type=int, default=700)
    made.add_argument("--files", type=int, default=60)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--short", action="store_true", help="do not count commits")
    made.add_argument("--store", default="sqlite:///migration.db", metavar="URL")
    made.add_argument("--data", type=Path, help="the folder of the real cases")
    made.add_argument("--keep", type=Path, help="work in this folder and leave it")
    made.add_argument("-v", "--verbose", action="store_true")
    return made


if __name__ == "__main__":
    sys.exit(main())
