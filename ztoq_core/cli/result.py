"""What a command prints about the state of the migration: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from rich.filesize import decimal

from ztoq_core.cli.exit_codes import AGAIN
from ztoq_core.cli.output import Output
from ztoq_core.engine import UNRESOLVED_IDS, Verdict
from ztoq_core.errors import Exit
from ztoq_core.http.limits import LimitReached
from ztoq_core.losses import LossPolicy
from ztoq_core.migration import Result
from ztoq_core.migration.calls import Month
from ztoq_core.records import Kind, counted, plain
from ztoq_core.report.data import Report
from ztoq_core.report.page import SourcePage
from ztoq_core.report.write import FORMATS, ReportWriter
from ztoq_core.spelling import first_of
from ztoq_core.store import KindTotals, Store

SHOWN = 20  # keys in a line
PAGES = (FORMATS["html"], FORMATS["json"], "report.sha256")


def calls_as_facts(months: Iterable[Month]) -> list[dict[str, Any]]:
    """Return the counts of calls for a JSON result."""
    return [attrs.asdict(month) for month in months]


def state_facts(report: Report, verdict: Verdict, months: Iterable[Month]) -> dict[str, Any]:
    """Return the state of the migration for a JSON result."""
    return {
        "verdict": verdict.headline,
        "verdict_status": verdict.status,
        "outcome": verdict.outcome,
        "next": verdict.next,
        "sentences": verdict.sentences,
        "warnings": verdict.warnings,
        "numbers": verdict.numbers,
        "losses": verdict.losses.as_facts(),
        "counts": {row.kind.value: row.states for row in report.kinds},
        "selection": report.selection,
        "source_check": report.source_check and not report.source_check.reasons,
        "final": report.final and not report.final.reasons,
        "nameless": report.nameless,
        "calls": calls_as_facts(months),
    }


def print_verdict(
    output: Output,
    verdict: Verdict,
    remarks: Iterable[str],
    totals: Iterable[KindTotals] = (),
    seconds: Mapping[Kind, float] | None = None,
) -> None:
    """Print the headline, the sentences below it, what the run did, and the next command."""
    output.out.print(verdict.headline)
    for sentence in (*verdict.lines, *remarks):
        output.out.print(f"  {sentence}")
    print_totals(output, totals, seconds or {})
    if verdict.next:
        output.out.print(f"Next: {verdict.next}")


def totals_as_facts(
    totals: Iterable[KindTotals], seconds: Mapping[Kind, float]
) -> list[dict[str, Any]]:
    """Return what a run did, for a JSON result; ``seconds`` as in ``StageStats``."""
    return [
        {**attrs.asdict(each), "seconds": round(seconds.get(each.kind, 0.0), 1)} for each in totals
    ]


def print_totals(
    output: Output, totals: Iterable[KindTotals], seconds: Mapping[Kind, float]
) -> None:
    """Print what a run did as a table, without columns that are empty throughout."""
    rows = [
        (
            f"{plain(each.kind)}s",
            *(f"{number:,}" if number else "" for number in attrs.astuple(each)[1:-1]),
            decimal(each.size) if each.size else "",
            f"{seconds.get(each.kind, 0.0):,.0f} s",
        )
        for each in totals
        if each.touched
    ]
    names = [field.name for field in attrs.fields(KindTotals)[1:]]
    columns = ("this run", *names, "time")
    used = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    if rows:
        output.table(
            tuple(columns[place] for place in used),
            [tuple(row[place] for place in used) for row in rows],
        )


def print_stopped(
    output: Output, store: Store, why: LimitReached, said: Sequence[str], months: Iterable[Month]
) -> None:
    """Print why a limit ended the run, what is left and when it fits."""
    facts = {
        "exit": int(Exit.STOPPED),
        "stopped": why.limit.value,
        "error": f"Stopped: {why.text}",
        "opens": why.opens and why.opens.isoformat(),
        "sentences": list(said),
        "calls": calls_as_facts(months),
        "counts": {kind.value: states for kind, states in store.reporting.counts().items()},
    }
    again = AGAIN if output.begun else "It is safe to run this again."
    for line in (f"Stopped: {why.text}.", *said, again):
        output.warning(line)
    output.result(facts)


def print_source_check(output: Output, store: Store, result: Result, policy: LossPolicy) -> None:
    """Print what listing the source again showed."""
    report = Report.from_store(store, policy=policy, limit=0)
    check = store.facts.source_check

    def print_() -> None:
        if check is None:
            return
        output.out.print(str(check))
        for row in check.rows:
            for keys, number, said in (
                (row.missing_keys, row.missing, "not in the store"),
                (row.changed_keys, row.changed, "changed since"),
                (row.gone_keys, row.gone, "no longer in the source, kept in the store"),
            ):
                if number:
                    named = first_of(keys[:SHOWN], SHOWN)
                    more = f" and {number - SHOWN:,} more" if number > SHOWN else ""
                    output.out.print(f"  {counted(number, row.kind)} {said}: {named}{more}")
        output.out.print(
            "  Steps, files and links are as they were read by the extraction; "
            "`ztoq migrate --final` reads them again."
        )
        if check.reasons:
            output.out.print("Next: ztoq extract")

    facts = {
        "exit": int(result.exit),
        **state_facts(report, report.verdict, result.calls),
        "source_check": check and attrs.asdict(check) | {"safe": not check.reasons},
    }
    output.result(facts, print_)


def print_result(  # noqa: PLR0913 - everything that the end of a run shows
    output: Output,
    store: Store,
    result: Result,
    *,
    seconds: Mapping[Kind, float],
    policy: LossPolicy,
    folder: Path | None,
    source_page: SourcePage,
    dry_run: bool,
) -> None:
    """Print how a run ended and what it did, and write its reports into ``folder``."""
    verdict, warned, totals = result.verdict, result.warned, result.totals
    writer = ReportWriter(store, source_page, policy)
    report = writer.report
    facts = {
        "exit": int(result.exit),
        **state_facts(report, verdict, result.calls),
        "run": totals_as_facts(totals, seconds),
    }
    if folder and not result.stopped:
        page, data = folder / FORMATS["html"], folder / FORMATS["json"]
        writer.write({"html": page, "json": data})
        facts |= {"html": str(page), "json": str(data)}

    def print_() -> None:
        if result.stopped:
            output.warning(f"Interrupted. {AGAIN}")
            return
        if dry_run:
            output.out.print("Nothing was written (--dry-run).")
        shown = {*warned, report.nameless} if UNRESOLVED_IDS in warned else warned
        said = verdict
        if "html" in facts and verdict.next == "ztoq report":
            said = attrs.evolve(verdict, next="")
        remarks = (each for each in report.remarks if each not in shown)
        print_verdict(output, said, remarks, totals, seconds)
        if "html" in facts:
            output.out.print(f"Report: {_near(facts['html'])} (and {Path(facts['json']).name})")
        elif result.exit is not Exit.OK and report.total:
            output.info("`ztoq report` shows each of them with its reason.")

    output.result(facts, print_)


def _near(path: str) -> str:
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path
