"""A plan as people read it: what will happen, what it loses, what it takes, and one sentence."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import orjson
from rich.filesize import decimal

from ztoq_core import engine
from ztoq_core.cli.output import Output
from ztoq_core.losses import LossAction
from ztoq_core.migration.planning import Forecast
from ztoq_core.records import Kind, LossGroup, counted, plain
from ztoq_core.report.files import open_output
from ztoq_core.spelling import first_of
from ztoq_core.store import NoteExample

WIDTH = 80
INDENT = 9
MOST_REASONS = 8
MOST_NAMED = 5
MOST_KEYS = 2
EXACT = 10
LACKING = (
    "the target lacks what follows: create it there, set create_fields = true in [sink], or give "
    "--accept-missing-fields, and values become text"
)
_HEADINGS = {
    LossGroup.LOST: "Lost: not in the target",
    LossGroup.CHANGED: "Changed: in another form",
    LossGroup.MOVED: "Moved: in another place, mostly as text",
}


def show_plan(output: Output, forecast: Forecast, path: Path | None = None) -> None:
    """Print a plan, and write it to a file if there is one."""
    facts = forecast.facts()
    if path:
        with open_output(sys.stdout if path == Path("-") else path) as file:
            file.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode() + "\n")
    if path == Path("-"):
        return

    def print_() -> None:
        _print_plan(output, forecast)
        following = f"load --plan {path}" if path else "load"
        if not writes(forecast.plan):
            following = "validate"
        if not forecast.plan.blocked:
            output.out.print(f"Next: ztoq {following}")

    output.result(facts, print_)


def _print_plan(output: Output, forecast: Forecast) -> None:
    """Print the plan, its sums last."""
    plan, out = forecast.plan, output.out
    part = f" ({plan.selection})" if plan.selection else ""
    out.print(f"Plan for {plan.key.target}{part}. Nothing was written.")
    for heading, entries in _sections(forecast):
        output.heading(heading)
        for mark, text in entries:
            lead = f"{mark:>7}  "
            for line in textwrap.wrap(text, WIDTH - INDENT):
                out.print(f"{lead}{line}")
                lead = " " * INDENT
    out.print()
    _print_table(output, forecast)
    out.print()
    for line in textwrap.wrap(sentence(forecast), WIDTH):
        out.print(line)


def _sections(forecast: Forecast) -> Iterator[tuple[str, Iterable[tuple[str, str]]]]:
    plan = forecast.plan
    if stops := list(_stops(plan)):
        yield "Stops the load before its first write", stops
    if plan.refusals:
        yield "The target would refuse", _reasons(plan.refusals)
    if plan.lacking and not stops:
        does = "Creates in the target" if plan.creates else "The target lacks"
        yield does, [("", line) for line in _fields(plan)]
    for group, heading in _HEADINGS.items():
        reason = forecast.policy.reason
        found = [each for each in plan.changes if reason(each.level, each.code).group is group]
        if found:
            action = forecast.losses.action(group)
            fails = " (fails by [losses])" if action is LossAction.FAIL else ""
            yield heading + fails, _reasons(found)
    if plan.edited_containers:
        some = first_of(plan.edited_containers, MOST_NAMED)
        yield "Edited in the target since, and new records go into it", [("", some)]
    yield "What it takes", _costs(forecast)
    if plan.savings:
        yield "What a part would take", _savings(forecast)


def _stops(plan: engine.Plan) -> Iterator[tuple[str, str]]:
    for finding in plan.findings:
        if finding.level == "error" and not finding.later:
            yield "", finding.text
    for each in plan.required:
        yield f"{each.count:,}", str(each)
    if not plan.creates and not plan.key.accepts:
        if not plan.fields_known:
            yield "", "the fields of the target cannot be listed with these credentials"
        if plan.lacking:
            yield "", LACKING
        for each in plan.lacking:
            yield "", str(each)
    if plan.key.on_conflict == "fail" and plan.edited_containers:
        yield "", f"edited in the target since: {first_of(plan.edited_containers, MOST_NAMED)}"


def _reasons(found: Sequence[NoteExample]) -> Iterator[tuple[str, str]]:
    most = MOST_REASONS if len(found) > MOST_REASONS + 1 else len(found)
    for each in found[:most]:
        keys = f" (such as {each.keys[0]})" if each.keys else ""
        if each.keys and each.count <= MOST_KEYS:
            keys = f" ({first_of(each.keys, MOST_KEYS)})"
        of = f"{plain(each.kind)}{'s' * (each.count != 1)}: " if each.kind else ""
        yield f"{each.count:,}", f"{of}{each.text}{keys}"
    if rest := found[most:]:
        some = sum(each.count for each in rest)
        yield f"{some:,}", f"for {counted(len(rest), 'other reason')}; `--json` has all of them"


def _fields(plan: engine.Plan) -> Iterator[str]:
    for kind in Kind:
        named = [
            f"{each.name} (+{counted(len(each.values), 'value')})" if each.values else each.name
            for each in plan.lacking
            if each.of is kind
        ]
        if named:
            yield f"{plain(kind)}s: {', '.join(named)}"


def _costs(forecast: Forecast) -> Iterator[tuple[str, str]]:
    plan = forecast.plan
    to = f" to {forecast.service}" if forecast.service else ""
    yield "calls", f"{forecast.calls:,}{to}; about {plan.validation_calls:,} more to validate"
    if plan.source_calls:
        yield "", f"{plan.source_calls:,} to {forecast.source}, for the files that it keeps"
    if forecast.month and forecast.month.allowed is not None:
        yield "budget", str(forecast.month)
    if not writes(plan):
        return
    files = next((each.create for each in plan.kinds if each.kind is Kind.ATTACHMENT), 0)
    texts = f"{decimal(plan.text_bytes)} of texts and values"
    yield "upload", f"{counted(files, 'file')} ({decimal(plan.file_bytes)}), {texts}"
    disk = f"the store grows by about {decimal(forecast.grows)}"
    if forecast.free is not None:
        disk += f"; {decimal(forecast.free)} are free"
    yield "disk", disk
    if forecast.seconds and forecast.speed:
        yield "time", f"{_range(*forecast.seconds)}{_why(forecast.speed)}"
    if forecast.window or len(forecast.days) > 1 or _unfit(forecast):
        yield "days", _days(forecast)


def _why(speed: engine.Speed) -> str:
    measured = "the last run" if speed.earlier else "this look"
    answers = f"{counted(speed.answers, 'answer')} of {measured}"
    text = f", at {speed.latency * 1000:.0f} ms an answer ({answers}) and {speed.at_once} at once"
    if speed.rate:
        return f"{text}; at most {speed.rate:.0f} calls a second"
    if speed.a_minute and speed.a_second == speed.a_minute / 60:
        return f"{text}; the service grants {speed.a_minute:,} calls a minute"
    return f"{text}; no limit of the service that would slow it down is known"


def _days(forecast: Forecast) -> str:
    shown = [f"{each.day:%a %d %b} {each.calls:,}" for each in forecast.days[:MOST_NAMED]]
    text = f"{counted(len(forecast.days), 'day')}: {', '.join(shown)} calls"
    if len(forecast.days) > MOST_NAMED:
        text += f" and so on, until {forecast.days[-1].day:%d %b %Y}"
    if left := _unfit(forecast):
        text += f"; {left:,} calls do not fit into the budget"
    return f"{text} (window {forecast.window})" if forecast.window else text


def _unfit(forecast: Forecast) -> int:
    """Return how many calls fit into no day."""
    bounded = forecast.window or (forecast.month and forecast.month.left is not None)
    return forecast.calls - sum(each.calls for each in forecast.days) if bounded else 0


def _savings(forecast: Forecast) -> Iterator[tuple[str, str]]:
    for each in forecast.plan.savings:
        seconds = forecast.seconds_of(each.calls)
        time = f" and {_range(seconds, seconds)}" if seconds is not None else ""
        some = f"{counted(each.records, 'record')}, {counted(each.calls, 'call')}{time}"
        saves = f"{each.options} saves" if each.saves else f"a pilot by {each.options} takes about"
        yield "", f"{saves} {some}"


def _print_table(output: Output, forecast: Forecast) -> None:
    sums = forecast.plan.total
    columns = ["create", "update", "leave", "skip", "conflict"]
    columns += [name for name in ("complete", "adopt", "failed") if getattr(sums, name)]

    def row(name: str, of: engine.KindPlan, calls: int) -> tuple[str, ...]:
        return (name, *(f"{getattr(of, column):,}" for column in columns), f"{calls:,}")

    rows = [row(f"{plain(each.kind)}s", each, each.calls) for each in forecast.plan.kinds]
    others = ("settings, lists", *[""] * len(columns), f"{forecast.calls - sums.calls:,}")
    output.table(("", *columns, "calls"), [*rows, others, row("all", sums, forecast.calls)])


def writes(plan: engine.Plan) -> bool:
    """Whether a load would write anything."""
    sums = plan.total
    return bool(sums.create or sums.update or sums.complete or sums.adopt)


def sentence(forecast: Forecast) -> str:
    """Return the plan in one sentence."""
    plan, sums = forecast.plan, forecast.plan.total
    if plan.blocked:
        return "The load would stop before its first write; see above what it needs."
    does = "There is nothing to write"
    if writes(plan):
        parts = [f"create {counted(sums.create, 'object')}", f"update {sums.update:,}"]
        if sums.adopt:
            parts.append(f"look for {sums.adopt:,} that the target may hold already")
        does = f"A load would {', '.join(parts[:-1])} and {parts[-1]}, in about "
        does += counted(forecast.calls, "call")
        if forecast.seconds:
            does += f" and {_range(*forecast.seconds)}"
    stays = [
        (sums.conflict, "in conflict"),
        (sums.failed, "failed or blocked"),
        (sum(each.count for each in plan.refusals), "refused by the target"),
    ]
    if left := [f"{number:,} {what}" for number, what in stays if number]:
        return f"{does}; {' and '.join(left)} would stay out."
    if number := forecast.refused_losses:
        return f"{does}, with {counted(number, 'loss', 'losses')} that make the migration fail."
    return f"{does}; nothing stands in the way."


def _range(least: float, most: float) -> str:
    if most < 1:
        return "less than a second"
    units = (("hours", 3600), ("minutes", 60), ("seconds", 1))
    unit, size = next((each for each in units if most >= 2 * each[1]), units[-1])
    low, high = (_rounded(each / size) for each in (least, most))
    return f"{high} {unit}" if low == high else f"{low} to {high} {unit}"


def _rounded(number: float) -> str:
    return f"{number:.0f}" if number >= EXACT else f"{number:.1f}".removesuffix(".0")
