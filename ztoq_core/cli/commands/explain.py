"""``ztoq explain``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import attrs
import rich_click as click

from ztoq_core.cli.options import KIND, Options, verb
from ztoq_core.cli.output import Output, as_facts
from ztoq_core.cli.session import configured, kind_of, open_sink
from ztoq_core.contracts import Schema, Secret, Sink, Transform
from ztoq_core.convert import converter, read_json, show_json
from ztoq_core.engine import history
from ztoq_core.errors import ConfigError, ZtoqError
from ztoq_core.migration.opening import new_run, open_store
from ztoq_core.records import Kind, Note, Ref, counted
from ztoq_core.settings.config import Config
from ztoq_core.settings.secrets import find_secrets
from ztoq_core.spelling import similar
from ztoq_core.store import Store

LONGEST = 160
NEAR = 3
SIGNED = re.compile(
    r"([?&][\w.-]*(?:signature|sig|token|jwt|secret|credential|password|key|auth)[\w.-]*=)[^&\s\"'<>\\]+",
    re.IGNORECASE,
)


@click.command()
@click.argument("name", metavar="KEY")
@click.option("--kind", metavar="KIND", help=KIND)
@verb
def explain(options: Options, *, name: str, kind: str | None) -> int:
    """Show the history of one record, by its key or target id.

    What the source returned, what each transformer changed, what was sent and answered, and what
    the target holds now, if it can be reached.

    \b
    Example:  ztoq explain ACME-T1
    """
    with configured(options) as config:
        output = Output(options)
        return print_records(output, config, kind_of(kind), name, partial(_lives, output), _print)


def print_records(  # noqa: PLR0913, PLR0917 - all that two verbs differ in
    output: Output,
    config: Config,
    kind: Kind | None,
    name: str,
    gather: Callable[[Config, Store, Sequence[int]], Awaitable[list[dict[str, Any]]]],
    print_one: Callable[[Output, dict[str, Any]], None],
) -> int:
    """Print what ``gather`` returns about the records with a name; return the exit code.

    Raises:
        ConfigError: There is none.
    """

    async def gathered(store: Store) -> list[dict[str, Any]]:
        return await gather(config, store, _numbers_of(store, name, kind))

    with open_store(config, look_only=True) as store:
        shown = [_hide(facts, config) for facts in asyncio.run(gathered(store))]

    def print_() -> None:
        for facts in shown:
            print_one(output, facts)

    output.result({"exit": 0, "records": shown}, print_)
    return 0


def builder(config: Config) -> Callable[[Schema], list[tuple[str, Transform]]]:
    """Return a function that builds the transformers of the config, each with its name.

    Without a target there is no mapping.
    """

    def build(schema: Schema) -> list[tuple[str, Transform]]:
        if config.target is None:
            return []
        names = [part.plugin.name for part in config.chain()]
        return list(zip(names, config.build(schema), strict=True))

    return build


def _numbers_of(store: Store, name: str, kind: Kind | None) -> list[int]:
    """Return the rows of the records with a name.

    Raises:
        ConfigError: There is none; the message names similar ones.
    """
    if not name.strip():
        raise ConfigError("name a record: its key or its id in the target")
    if found := store.history.find.now(name, kind):
        return [number for number, _ in found]
    near = similar(name, store.history.similar_keys.now(name, kind), 0.6, most=NEAR)
    hint = f" (did you mean {', '.join(map(repr, near))}?)" if near else ""
    raise ConfigError(f"the store knows no record {name!r}, neither by key nor by target id{hint}")


async def _lives(
    output: Output, config: Config, store: Store, numbers: Sequence[int]
) -> list[dict[str, Any]]:
    def note(_note: Note, _ref: Ref | None) -> None:
        """Drop the note: looking at a record changes nothing."""

    async with AsyncExitStack() as stack:
        sink: Sink | None = None
        why = ""
        try:
            config.sink.require()
            sink = await stack.enter_async_context(open_sink(config, note, output=output))
        except ZtoqError as error:
            why = f"the target was not asked: {error}"
        run = new_run(config, store)
        lives = [await history.explain(run, number, builder(config), sink) for number in numbers]
    if why:
        lives = [
            attrs.evolve(life, not_asked=why) if life.known.target_id is not None else life
            for life in lives
        ]
    return [_facts(life) for life in lives]


def _facts(life: history.Explained) -> dict[str, Any]:
    known = life.known
    columns = "target_id pid url version borrowed created_run updated_run attempts"
    return {
        "kind": known.ref.kind.value,
        "key": known.ref.key,
        "state": known.state.value,
        "reason": known.reason,
        "selected": known.chosen,
        "source": {
            "payload": known.payload,
            "record": known.extracted,
            "enriched": converter.unstructure(life.enriched),
        },
        "mapping": [
            {
                "transformer": stage.name,
                "changes": [attrs.asdict(each) for each in stage.changes],
                "brings": [str(ref) for ref in stage.companions],
                "end": stage.end,
            }
            for stage in life.steps
        ],
        "mapped": known.mapped,
        "journal": [
            {**attrs.asdict(each), "at": f"{each.at.isoformat()}Z"} for each in life.journal
        ],
        "notes": [
            {"origin": origin, "level": level, "code": code, "text": text}
            for origin, level, code, text in life.notes
        ],
        "refers_to": [as_facts(each) for each in life.refers_to],
        "referred_to_by": [as_facts(each) for each in life.referred_by],
        "target": {
            **{name: getattr(known, name) for name in columns.split()},
            "now": life.present,
            "unasked": life.not_asked,
        },
    }


def _hide(facts: dict[str, Any], config: Config) -> dict[str, Any]:
    """Hide what may not be shown: the config's secrets, and signatures in URLs."""
    secrets: list[Secret] = []
    for part in config.sides:
        for _, secret in find_secrets(part.settings, part.name):
            try:
                secret.reveal()
            except ConfigError:
                continue  # it is missing, so it cannot be shown either
            secrets.append(secret)
    hidden: dict[str, Any] = _hidden(read_json(show_json(facts).encode()), secrets)
    return hidden


def _hidden(value: Any, secrets: Sequence[Secret]) -> Any:
    """Return plain values with secrets hidden in their texts and names.

    Names keep short secrets, which may be a name by chance.
    """
    if isinstance(value, dict):
        long = [each for each in secrets if not each.short]
        return {_hidden(key, long): _hidden(each, secrets) for key, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, secrets) for each in value]
    if not isinstance(value, str):
        return value
    text = SIGNED.sub(r"\1***", value)
    for secret in secrets:
        text = secret.hide(text)
    return text


# ------------------------------------------------------------------------------------------ print


def _print(output: Output, facts: dict[str, Any]) -> None:
    out = output.out
    reason = f": {facts['reason']}" if facts["reason"] else ""
    out.print(f"{facts['kind']} {facts['key']} is {facts['state']}{reason}")
    if facts["selected"] != "yes":
        words = {"along": "selected because other records refer to it", "no": "is not selected"}
        out.print(f"  {words[facts['selected']]}")
    target = facts["target"]
    if place := ", ".join(each for each in (target["pid"], target["url"]) if each):
        out.print(f"  in the target: {place}")
    for change in facts["source"]["enriched"]:
        out.print(f"  added by ztoq: {change_line(change)}")
    _print_mapping(output, facts["mapping"])
    output.heading("Journal")
    for entry in facts["journal"]:
        detail = f": {entry['detail']}" if entry["detail"] else ""
        out.print(f"  {entry['at']} run {entry['run']} ({entry['verb']}) {entry['event']}{detail}")
    output.heading("Notes")
    for note in facts["notes"]:
        out.print(f"  {note['level']} {note['code']} ({note['origin']}): {note['text']}")
    for title, key in (("Refers to", "refers_to"), ("Referred to by", "referred_to_by")):
        output.heading(title)
        for each in facts[key]:
            state = each["state"] or "not in the store"
            place = f" ({each['pid']})" if each["pid"] else ""
            out.print(f"  {each['role']}: {each['kind']} {each['key']}, {state}{place}")
    _print_target(output, target)
    if output.verbose:
        output.heading("In the source")
        print_json(output, facts["source"]["payload"], "the store holds no payload")
        output.heading("As a record")
        print_json(output, facts["source"]["record"], "it was added by the mapping")
    else:
        output.heading("-v shows the source's object, the record and the target's object as JSON.")


def _print_mapping(output: Output, mapping: list[dict[str, Any]]) -> None:
    out = output.out
    output.heading("Mapping")
    for stage in mapping:
        number = len(stage["changes"])
        out.print(f"  {stage['transformer']}: {stage['end'] or counted(number, 'change')}")
        for change in stage["changes"]:
            out.print(f"    {change_line(change)}")
        if stage["brings"]:
            out.print(f"    brings {', '.join(stage['brings'])}")


def _print_target(output: Output, target: dict[str, Any]) -> None:
    out = output.out
    output.heading("In the target now")
    if target["target_id"]:
        place = ", ".join(each for each in (target["pid"], target["url"]) if each)
        out.print(f"  {target['target_id']}{f' ({place})' if place else ''}")
    if target["unasked"]:
        out.print(f"  {target['unasked']}")
    elif output.verbose:
        print_json(output, target["now"], "")


def print_json(output: Output, value: Any, otherwise: str) -> None:
    """Print JSON for people, or the sentence ``otherwise`` if there is none."""
    if value is None:
        output.out.print(f"  {otherwise}")
        return
    text = show_json(value, indented=True)
    output.block("\n".join(f"  {line}" for line in text.splitlines()))


def change_line(change: dict[str, Any]) -> str:
    """Return a change in words, shortened."""
    before, after = (_short(change[side]) for side in ("before", "after"))
    return f"{change['path']}: {before} -> {after}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else show_json(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
