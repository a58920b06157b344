"""Each way to write a sink wrongly is caught by a test of the suite, with what to do about it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import attrs
import pytest
from ztoq_testkit import MemorySink, SinkContract

from ztoq_core.contracts import (
    FieldSpec,
    Finding,
    Found,
    Links,
    Mark,
    MarkPage,
    Owner,
    Schema,
    Written,
)
from ztoq_core.errors import RejectedError
from ztoq_core.records import (
    Attachment,
    FieldDefinition,
    FieldType,
    Folder,
    Kind,
    Level,
    Note,
    Record,
    Ref,
    TestCase,
    TestCycle,
    TestLog,
    TestRun,
    Tree,
)

Method = Callable[..., Awaitable[Any]]
Change = Callable[[Any], Record]
FIELD = FieldSpec(kind=Kind.TEST_CASE, name="Twice", type=FieldType.TEXT)


def plain_sink() -> MemorySink:
    return MemorySink(refuses=["ACME-T9"])


def sink(**methods: Callable[..., Awaitable[Any]]) -> Callable[[], MemorySink]:
    """Return what makes a sink some of whose methods are replaced; they get the sink and theirs."""

    def make() -> MemorySink:
        made = plain_sink()
        for name, method in methods.items():
            setattr(made, name, partial(method, made, getattr(made, name)))
        return made

    return make


def storing(change: Change, *kinds: type[Record]) -> Callable[[], MemorySink]:
    """Return what makes a sink that changes records of some kinds when it stores them."""

    async def write(
        _: MemorySink, own: Method, record: Record, number: str | None, *rest: Any
    ) -> Any:
        return await own(change(record) if isinstance(record, kinds) else record, number, *rest)

    return sink(write=write)


def without(*kinds: type[Record], **values: Any) -> Callable[[], MemorySink]:
    """Return what makes a sink that stores other values of some attributes."""
    return storing(lambda record: attrs.evolve(record, **values), *kinds)


def keeping(name: str) -> Callable[[], MemorySink]:
    """Return what makes a sink whose updates keep the old value of an attribute."""

    async def write(
        made: MemorySink, own: Method, record: Any, number: str | None, *rest: Any
    ) -> Any:
        if number and hasattr(record, name):
            old: Any = made.objects[number].record
            record = attrs.evolve(record, **{name: getattr(old, name)})
        return await own(record, number, *rest)

    return sink(write=write)


async def write_nothing_new(
    made: MemorySink, own: Method, record: Record, number: str | None, *rest: Any
) -> Written:
    written: Written = made.objects[number].written if number else await own(record, None, *rest)
    return written


async def write_another(
    _: MemorySink, own: Method, record: Record, _number: str | None, *rest: Any
) -> Any:
    return await own(record, None, *rest)


async def write_with_note(_: MemorySink, own: Method, *rest: Any) -> Written:
    note = Note(level=Level.LOSS, code="cut", text="it was cut")
    written: Written = await own(*rest)
    return attrs.evolve(written, notes=(note,))


async def write_stored(made: MemorySink, own: Method, record: Record, *rest: Any) -> Any:
    try:
        return await own(record, *rest)
    except RejectedError:
        made.refuses.clear()
        await own(record, *rest)
        raise


async def write_careless(
    _: MemorySink, own: Method, record: Record, number: str | None, links: Links, *rest: Any
) -> Any:
    present = {
        **links,
        **{ref: links.get(ref) or Written(target_id="0") for ref in record.parents()},
    }
    return await own(record, number, present, *rest)


def content(change: Callable[[bytes], bytes]) -> Callable[[], MemorySink]:
    async def write(made: MemorySink, own: Method, *given: Any) -> Any:
        written = await own(*given)
        held = made.objects[written.target_id]
        held.content = change(held.content)
        return written

    return sink(write=write)


async def write_without_content(
    _: MemorySink, own: Method, record: Record, number: str | None, links: Links, _content: Any
) -> Any:
    return await own(record, number, links, None)


async def write_late_id(
    made: MemorySink, own: Method, record: Record, number: str | None, *rest: Any
) -> Any:
    if number or record.key == "ACME-T1":
        return await own(record, number, *rest)
    taken = str(len(made.objects) + 1)
    await asyncio.sleep(0)
    written: Written = await own(record, None, *rest)
    held = made.objects.pop(written.target_id)
    held.written = attrs.evolve(written, target_id=taken)
    made.objects[taken] = held
    return held.written


async def write_by_way_of_self(made: Any, own: Method, record: Any, *rest: Any) -> Any:
    if isinstance(record, TestCase):
        made.present = record
        await asyncio.sleep(0)
        record = attrs.evolve(record, description=made.present.description)
    return await own(record, *rest)


def answering(**values: Any) -> Callable[[], MemorySink]:
    """Return what makes a sink whose answers to writes have other values."""

    async def write(_: MemorySink, own: Method, *given: Any) -> Written:
        written: Written = await own(*given)
        return attrs.evolve(written, **values)

    return sink(write=write)


async def write_one_part(made: MemorySink, own: Method, *given: Any) -> Written:
    written: Written = await own(*given)
    written = attrs.evolve(written, parts=dict.fromkeys(written.parts, "7"))
    made.objects[written.target_id].written = written
    return written


async def write_named_stamp(made: MemorySink, own: Method, record: Any, *rest: Any) -> Written:
    written: Written = await own(record, *rest)
    written = attrs.evolve(written, stamp=str(getattr(record, "name", "")))
    made.objects[written.target_id].written = written
    return written


async def current_by_name(made: MemorySink, own: Method, *given: Any) -> Written | None:
    found: Written | None = await own(*given)
    return found and made.objects[found.target_id].written


async def find_newest(_: MemorySink, own: Method, *given: Any) -> tuple[Found, ...]:
    return tuple(reversed(await own(*given)))


async def find_first(_: MemorySink, own: Method, *given: Any) -> tuple[Found, ...]:
    found: tuple[Found, ...] = (await own(*given))[:1]
    return found


async def find_by_name(
    made: MemorySink, _: Method, record: Any, _links: Links
) -> tuple[Found, ...]:
    name = getattr(record, "name", record.key)
    return tuple(
        Found(written=each.written)
        for each in made.objects.values()
        if each.record.kind is record.kind and getattr(each.record, "name", record.key) == name
    )


async def find_bare(_: MemorySink, own: Method, *given: Any) -> tuple[Found, ...]:
    bare = (Written(target_id=each.written.target_id) for each in await own(*given))
    return tuple(Found(written=each) for each in bare)


async def find_by_writing(made: MemorySink, own: Method, record: Record, links: Links) -> Any:
    if not record.parents() and not await own(record, links):
        await made.write(record, None, links, None)
    return ()


async def nothing(*_: Any) -> tuple[()]:
    return ()


async def no_marks(*_: Any) -> MarkPage:
    return MarkPage(marks=())


async def all_files(
    _: MemorySink, own: Method, kind: Kind, owners: Sequence[Owner], cursor: str | None
) -> Any:
    return await own(kind, () if kind is Kind.ATTACHMENT else owners, cursor)


def marking(change: Callable[[Sequence[Mark]], Sequence[Mark]]) -> Callable[[], MemorySink]:
    async def marks(_: MemorySink, own: Method, *given: Any) -> MarkPage:
        return MarkPage(marks=tuple(change((await own(*given)).marks)))

    return sink(marks=marks)


async def marks_for_ever(_: MemorySink, own: Method, *given: Any) -> MarkPage:
    return MarkPage(marks=(await own(*given)).marks, cursor="1")


async def finish_nothing(
    _: MemorySink, _own: Method, _record: Record, written: Written, _links: Links
) -> Written:
    return written


async def finish_anew(_: MemorySink, own: Method, *given: Any) -> Written:
    written: Written = await own(*given)
    return attrs.evolve(written, stamp=f"{written.stamp}.")


async def finish_without_words(made: MemorySink, own: Method, *given: Any) -> Written:
    written: Written = await own(*given)
    held: Any = made.objects[written.target_id]
    if "href" in getattr(held.record, "description", ""):
        held.record = attrs.evolve(held.record, description="<p></p>")
    return written


async def delete_all(made: MemorySink, _: Method, _kind: Kind, _number: str) -> None:
    made.objects.clear()


async def delete_inside(made: MemorySink, _: Method, kind: Kind, number: str) -> None:
    inside = made._inside(made._object(kind, number).record.ref)  # noqa: SLF001 - what the double holds
    for each in [*(mark.target_id for mark in inside if not mark.linked), number]:
        made.objects.pop(each, None)


async def delete_nothing(*_: Any) -> None: ...


async def delete_no_logs(_: MemorySink, own: Method, kind: Kind, number: str) -> None:
    if kind is Kind.TEST_LOG:
        raise RejectedError("logs go with their run", status=405)
    await own(kind, number)


async def delete_no_runs(_: MemorySink, own: Method, kind: Kind, number: str) -> None:
    if kind is Kind.TEST_RUN:
        raise RejectedError("it still holds something", status=400)
    await own(kind, number)


async def delete_anything(made: MemorySink, own: Method, kind: Kind, number: str) -> None:
    if number in made.objects:
        await own(kind, number)


async def delete_unknown(made: MemorySink, own: Method, kind: Kind, number: str) -> None:
    if number not in made.objects:
        raise RejectedError("bad request", status=400)
    await own(kind, number)


async def no_children(_: MemorySink, _own: Method, _kind: Kind, ids: Sequence[str]) -> Any:
    return dict.fromkeys(ids, ())


async def some_children(_: MemorySink, own: Method, kind: Kind, ids: Sequence[str]) -> Any:
    return {number: marks for number, marks in (await own(kind, ids)).items() if marks}


async def strange_children(_: MemorySink, own: Method, kind: Kind, ids: Sequence[str]) -> Any:
    other = Mark(kind=Kind.TEST_CASE, key="", target_id="0")
    return {number: (*marks, other) for number, marks in (await own(kind, ids)).items()}


async def current_old(_: MemorySink, own: Method, *given: Any) -> Written | None:
    found: Written | None = await own(*given)
    return found and attrs.evolve(found, stamp=f"{found.stamp} of yesterday")


async def current_always(_: MemorySink, own: Method, kind: Kind, number: str) -> Written:
    return await own(kind, number) or Written(target_id=number)


async def current_never(*_: Any) -> None: ...


async def read_as_500(made: MemorySink, own: Method, kind: Kind, number: str) -> Any:
    if number not in made.objects:
        raise RejectedError("internal error", status=500)
    return await own(kind, number)


async def read_promised(made: MemorySink, own: Method, kind: Kind, number: str) -> Any:
    held, promised = await own(kind, number), made.objects[number].record
    return attrs.evolve(held, sha256=promised.sha256) if isinstance(promised, Attachment) else held


async def failing_check(*_: Any) -> tuple[Finding, ...]:
    return (Finding(level="error", text="no"),)


async def describe_twice(*_: Any) -> Schema:
    return Schema(fields=(FIELD, FIELD))


async def describe_as_another(made: MemorySink, own: Method) -> Any:
    made.identity = "another project"
    return await own()


async def describe_by_writing(made: MemorySink, own: Method) -> Any:
    await made.write(Folder(key="ACME-F9", name="Trial", tree=Tree.CASES), None, {}, None)
    return await own()


async def describe_old(_: MemorySink, own: Method) -> Any:
    return attrs.evolve(await own(), fields=())


def in_first_folder(record: Any) -> Record:
    moved: Record = attrs.evolve(record, folder=Ref(Kind.FOLDER, "ACME-F1"))
    return moved


def cut(record: Any) -> Record:
    short: Record = attrs.evolve(record, description=record.description[:8])
    return short


def forgetful() -> MemorySink:
    made = plain_sink()
    made.kept_in_memory = True  # type: ignore[attr-defined] # see ``reopened``
    return made


def without_steps(record: Any) -> Record:
    bare: Record = attrs.evolve(record, steps=())
    return bare


READ = "every_property_that_is_written_can_be_read"
UPDATE = "an_update_changes_each_property"
REMOVE = "an_update_removes_what_the_record_lost"
FIND = "find_finds_what_was_written_and_nothing_else"
ALONG = "contents_tell_what_would_go_along"
ABSENT = "what_does_not_exist_has_no_children_and_is_absent"

MUTANTS: Mapping[str, tuple[Callable[[], MemorySink], str, str]] = {
    "drops custom fields": (without(TestCase, fields=()), READ, "'Build of the shop'.*`lost`"),
    "drops descriptions": (without(TestCase, description=""), READ, "description: is empty"),
    "drops preconditions": (without(TestCase, precondition=""), READ, "precondition: is empty"),
    "drops notes": (without(TestLog, note=""), READ, "note: is empty"),
    "drops the status of logs": (without(TestLog, status="", statuses=()), READ, "status: is"),
    "drops the end of logs": (without(TestLog, end=None), READ, "end: is empty"),
    "drops steps": (without(TestCase, steps=()), READ, "step 1: the step is gone"),
    "drops results": (without(TestLog, results=()), READ, "shows no results of steps"),
    "drops defects": (without(TestLog, links=()), READ, "defect ACME-77"),
    "drops links": (without(TestCase, links=()), READ, "links: is"),
    "drops labels": (without(TestCase, labels=()), READ, "labels: is"),
    "drops priorities": (without(TestCase, priority=""), READ, "priority: is ''"),
    "drops scripts": (without(TestCase, script=None), READ, "script: is None"),
    "drops requirements": (without(TestCase, requirements=()), READ, "link to requirement ACME-9"),
    "drops the environment": (without(TestRun, environment=""), READ, "environment: is empty"),
    "drops the plan of a cycle": (without(TestCycle, plans=()), READ, "test plan: the target does"),
    "puts all into one folder": (storing(in_first_folder, TestCase), READ, r"folder: is .*ACME-F2"),
    "cuts texts": (storing(cut, TestCase), READ, "description: is"),
    "escapes texts": (
        storing(lambda r: attrs.evolve(r, description=escape(r.description)), TestCase),
        READ,
        "description: is",
    ),
    "turns steps round": (
        storing(lambda r: attrs.evolve(r, steps=r.steps[::-1]), TestCase),
        READ,
        "order of steps",
    ),
    "writes empty files": (
        sink(write=write_without_content),
        "files_are_held_byte_by_byte",
        r"send content.open\(\) to its end",
    ),
    "writes the first bytes of files": (
        content(lambda held: held[:100]),
        "files_are_held_byte_by_byte",
        r"send content.open\(\) to its end",
    ),
    "reads the digest that was promised": (
        sink(read=read_promised),
        "files_are_held_byte_by_byte",
        "compute the digest from what the target holds",
    ),
    "update does nothing": (sink(write=write_nothing_new), UPDATE, "An update replaces all"),
    "update keeps the name": (keeping("name"), "an_update_keeps_the_id", "send the update"),
    "update keeps descriptions": (keeping("description"), UPDATE, "description: is 'All of it'"),
    "update keeps steps": (keeping("steps"), UPDATE, "step 1: expected result"),
    "update keeps fields": (keeping("fields"), UPDATE, "field 'Build of the shop'"),
    "update keeps labels": (keeping("labels"), UPDATE, "labels: is"),
    "update keeps links": (keeping("links"), REMOVE, "send empty values too"),
    "update makes another object": (
        sink(write=write_another),
        "writing_twice_by_way_of_find_makes_one_object",
        "with a target_id it updates that one",
    ),
    "update gives another id": (
        sink(write=write_another),
        "an_update_keeps_the_id",
        "update the object that target_id names",
    ),
    "stamps nothing": (
        answering(stamp="same"),
        UPDATE,
        "compute it from all of the target's answer",
    ),
    "stamps the name alone": (
        sink(write=write_named_stamp, current=current_by_name),
        UPDATE,
        "is the same after description changed",
    ),
    "finds the newest first": (
        sink(find=find_newest),
        "find_gives_the_oldest_first",
        "give all, the oldest first",
    ),
    "finds one of two": (sink(find=find_first), "find_gives_the_oldest_first", "give all"),
    "finds by name": (sink(find=find_by_name), FIND, "would be written a second time"),
    "finds by name what is new": (
        sink(find=find_by_name),
        "nothing_is_found_before_it_is_written",
        r"find by the key that write\(\) left",
    ),
    "finds nothing": (sink(find=nothing), FIND, "after a lost answer"),
    "finds ids without stamps": (sink(find=find_bare), FIND, "must look as if ztoq had just"),
    "writes when it looks": (
        sink(find=find_by_writing),
        "checking_and_looking_write_nothing",
        r"find\(\) only read",
    ),
    "writes when it describes": (
        sink(describe=describe_by_writing),
        "checking_and_looking_write_nothing",
        "only read",
    ),
    "one id for all": (
        answering(target_id="1"),
        "each_object_has_an_id_of_its_own",
        "target_id names one object",
    ),
    "no ids of steps": (
        answering(parts={}),
        "each_step_has_an_id_of_its_own",
        "map the key of each step to its id",
    ),
    "one id for two steps": (
        sink(write=write_one_part),
        "each_step_has_an_id_of_its_own",
        "would be attached to the wrong one",
    ),
    "takes its id before an await": (
        sink(write=write_late_id),
        "writes_side_by_side_do_not_mix",
        "without an await between",
    ),
    "keeps a record on self over an await": (
        sink(write=write_by_way_of_self),
        "writes_side_by_side_do_not_mix",
        "Keep nothing on self",
    ),
    "keeps objects in memory": (
        forgetful,
        "what_was_written_outlives_the_sink",
        "must be in the target by then",
    ),
    "lists files of all owners": (
        sink(marks=all_files),
        "files_are_listed_under_their_owners_alone",
        "list only those of the owners",
    ),
    "lists nothing": (sink(marks=no_marks), "marks_list_what_was_written", "would write it again"),
    "lists without keys": (
        marking(lambda marks: [attrs.evolve(each, key="") for each in marks]),
        "marks_list_what_was_written",
        "read back the key",
    ),
    "lists twice": (
        marking(lambda marks: [*marks, *marks]),
        "marks_list_what_was_written",
        "name each object once",
    ),
    "lists for ever": (
        sink(marks=marks_for_ever),
        "marks_list_what_was_written",
        "return None after the last page",
    ),
    "finishes nothing": (
        sink(finish=finish_nothing),
        "finishing_resolves_what_texts_refer_to",
        r"send resolved\(record, links\)",
    ),
    "finishes into nothing": (
        sink(finish=finish_without_words),
        "finishing_resolves_what_texts_refer_to",
        "loses the words of a link",
    ),
    "finishes differently each time": (
        sink(finish=finish_anew),
        "finishing_may_be_repeated",
        "only calls that may be repeated",
    ),
    "deletes everything": (
        sink(delete=delete_all),
        "deleting_removes_that_object_alone",
        "delete that object and nothing else",
    ),
    "deletes with what is inside": (
        sink(delete=delete_inside),
        "deleting_does_not_cascade",
        "never force",
    ),
    "deletes logs with their run, undeclared": (
        sink(delete=delete_inside),
        "what_goes_with_its_owner_is_declared",
        "declare test_log in Schema.goes_with_owner",
    ),
    "deletes nothing": (
        sink(delete=delete_nothing),
        "all_that_was_written_can_be_removed",
        "must remove what it was asked to",
    ),
    "refuses to delete logs, undeclared": (
        sink(delete=delete_no_logs),
        "all_that_was_written_can_be_removed",
        "declare test_log in Schema.goes_with_owner",
    ),
    "refuses to delete runs": (
        sink(delete=delete_no_runs),
        "all_that_was_written_can_be_removed",
        "refused though nothing is in it",
    ),
    "deletes what does not exist": (sink(delete=delete_anything), ABSENT, "DID NOT RAISE"),
    "refuses what does not exist": (sink(delete=delete_unknown), ABSENT, "give status 404"),
    "names no children": (sink(children=no_children), ALONG, "name all that its deletion"),
    "leaves out who has no children": (sink(children=some_children), ALONG, "give one for each id"),
    "names strange children": (sink(children=strange_children), ALONG, "would keep it for them"),
    "current stamps differently": (
        sink(current=current_old),
        "current_gives_the_stamp_of_the_last_writing",
        "would be taken for a conflict",
    ),
    "current makes objects up": (
        sink(current=current_always),
        "current_gives_the_stamp_of_the_last_writing",
        "give None",
    ),
    "current sees nothing": (
        sink(current=current_never),
        "current_gives_the_stamp_of_the_last_writing",
        "look by id",
    ),
    "reads what is gone as an error": (
        sink(read=read_as_500),
        "deleting_removes_that_object_alone",
        "give status 404",
    ),
    "refuses nothing": (
        MemorySink,
        "what_is_refused_is_rejected_and_leaves_nothing",
        r"or override refused\(\)",
    ),
    "keeps what it refuses": (
        sink(write=write_stored),
        "what_is_refused_is_rejected_and_leaves_nothing",
        "else DoubtError",
    ),
    "writes without parents": (
        sink(write=write_careless),
        "nothing_is_written_without_its_parents",
        "raise RejectedError",
    ),
    "fails its check": (
        sink(check=failing_check),
        "a_good_connection_passes_the_check",
        "only to what stops a migration",
    ),
    "changes its identity": (
        sink(describe=describe_as_another),
        "the_identity_stays",
        "it must not change",
    ),
    "names a field twice": (
        sink(describe=describe_twice),
        "the_schema_names_each_field_once",
        "merge fields of one kind and name",
    ),
    "does not show new fields": (
        sink(describe=describe_old),
        "a_field_can_be_made",
        "read the fields again after one is written",
    ),
    "makes fields without values": (
        without(FieldDefinition, values=()),
        "a_field_can_be_made",
        "all values that the definition has",
    ),
    "forgets what it noted": (
        sink(write=write_with_note),
        "find_notes_what_the_writing_noted",
        "Found.written has the same notes",
    ),
    "adds no values to a field": (keeping("values"), "a_field_can_be_made", "adds what the field"),
}


def reopened(before: MemorySink) -> MemorySink:
    """Open what a sink wrote a second time."""
    after = MemorySink()
    if not hasattr(before, "kept_in_memory"):
        after.objects = before.objects
    return after


async def run(name: str, made: MemorySink) -> None:
    """Run a test of the suite on a sink."""
    test = getattr(SinkContract(), f"test_{name}")
    given = {"sink": made, "reopened": reopened}
    await test(**{each: given[each] for each in inspect.signature(test).parameters})


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_sink_that_breaks_the_contract_is_told_what_to_do(mutant: str) -> None:
    make, test, message = MUTANTS[mutant]
    await run(test, plain_sink())

    with pytest.raises((AssertionError, pytest.fail.Exception), match=f"(?s){message}"):
        await run(test, make())


async def test_a_sink_without_fields_of_its_own_skips_making_them() -> None:
    with pytest.raises(pytest.skip.Exception):
        await run("a_field_can_be_made", MemorySink(can_create_fields=False))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test_case.prioriti", r"no record .* \(did you mean 'test_case.priority'\?\)"),
        ("testcase.priority", r"no record .* \(did you mean 'test_case.priority'\?\)"),
        ("test_case.steps: data", "no record that is written has such a property"),
        ("test_case.priority", "gives back test_case.priority as it was written: leave it out"),
        ("test_case.step", "as it was written: leave it out"),
    ],
)
async def test_a_name_in_lost_that_covers_nothing_is_told(name: str, message: str) -> None:
    class Declared(SinkContract):
        lost = (name,)

    with pytest.raises(AssertionError, match=message):
        await Declared().test_what_is_named_as_lost_is_a_property_and_is_lost(plain_sink())


async def test_a_name_in_lost_of_what_is_lost_is_right() -> None:
    class Declared(SinkContract):
        lost = ("test_case.priority",)

    made = without(TestCase, priority="")()
    await Declared().test_what_is_named_as_lost_is_a_property_and_is_lost(made)
