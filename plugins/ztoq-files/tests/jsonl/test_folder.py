"""A folder of records: what is written comes back, a kill doubles nothing, faults are named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ztoq_files.jsonl import JsonLinesConfig, open_sink, open_source
from ztoq_testkit import CONTENTS, PROJECT, PowerCut, lent

from tests.file_projects import content_of, read_project, write_project
from tests.generated import record_of
from ztoq_core.plugin import (
    Attachment,
    ConfigError,
    Deletion,
    FieldDefinition,
    FieldSpec,
    FieldType,
    FieldValue,
    Kind,
    Links,
    Pictures,
    Record,
    Ref,
    RejectedError,
    RetryableError,
    Sink,
    TestCase,
    Written,
)

NUMBERS = count(1)
FILE = next(each for each in PROJECT if isinstance(each, Attachment))


def config(folder: Path) -> JsonLinesConfig:
    return JsonLinesConfig(path=folder)


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files but the lock by path, so that two folders can be compared."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


async def written(folder: Path) -> Path:
    async with open_sink(config(folder), lent()) as sink:
        await write_project(sink, PROJECT, CONTENTS)
    return folder


async def test_what_is_written_comes_back(tmp_path: Path) -> None:
    async with open_source(config(await written(tmp_path / "acme")), lent()) as source:
        found = await read_project(source)

    assert found == {each.ref: each for each in PROJECT}


async def test_files_to_files_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = await written(tmp_path / "first"), tmp_path / "second"
    async with (
        open_source(config(first), lent()) as source,
        open_sink(config(second), lent()) as sink,
    ):
        records = await read_project(source)
        files = [each for each in records.values() if isinstance(each, Attachment)]
        contents = {
            each.locator: b"".join([chunk async for chunk in source.download(each)])
            for each in files
        }
        await write_project(sink, records.values(), contents)
    async with open_source(config(second), lent()) as source:
        assert await read_project(source) == records

    assert tree(first) == tree(second)


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.ATTACHMENT, Kind.FIELD}))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(data=st.data())
async def test_any_record_comes_back(kind: Kind, tmp_path: Path, data: st.DataObject) -> None:
    """With its parents, which the test invents; this format has nothing that it cannot hold."""
    record = data.draw(record_of(kind))
    needed = [data.draw(record_of(ref.kind).map(named(ref.key))) for ref in record.parents()]
    needed = [each for each in needed if each.ref != record.ref and not each.parents()]
    folder = tmp_path / str(next(NUMBERS))
    links: dict[Ref, Written | None] = dict.fromkeys(record.parents(), Written(target_id="?"))
    async with open_sink(config(folder), lent()) as sink:
        for each in (record, *needed):
            await sink.write(each, None, links, None)
        held = await sink.find(record, links)
    async with open_source(config(folder), lent()) as source:
        if {each.ref for each in needed} | {record.ref} >= set(record.parents()):
            assert (await source.resolve(record.ref)) == (record,)
        else:
            with pytest.raises(ConfigError, match="belongs to"):
                await source.check()
    assert len(held) == 1


def named(key: str) -> Callable[[Record], Record]:
    return lambda record: attrs.evolve(record, key=key)


# ----------------------------------------------------------------------------------------- kills


async def cut(folder: Path, after: int) -> None:
    """Write until the process "dies", right after so many writes."""

    async def write() -> None:
        async with open_sink(config(folder), lent()) as sink:
            dying: Any = Dying(sink, after)
            await write_project(dying, PROJECT, CONTENTS)

    with pytest.raises(PowerCut):
        await write()


class Dying:
    """A sink whose process dies after so many writes, before its caller hears of the last one."""

    def __init__(self, sink: Sink, after: int) -> None:
        self._sink = sink
        self._left = after

    def __getattr__(self, name: str) -> object:
        return getattr(self._sink, name)

    async def write(self, *arguments: Any) -> Written:
        made: Written = await self._sink.write(*arguments)
        self._left -= 1
        if not self._left:
            raise PowerCut
        return made


async def resume(folder: Path) -> list[str]:
    """Write what is not found, as the engine does after a kill; return the keys."""
    sent = []
    async with open_sink(config(folder), lent()) as sink:
        links: dict[Ref, Written | None] = {}
        for record in sorted(PROJECT, key=lambda each: each.kind.rank):
            if found := await sink.find(record, links):
                links[record.ref] = found[0].written
                continue
            sent.append(record.key)
            body = CONTENTS[record.locator] if isinstance(record, Attachment) else b""
            content = content_of(record, body) if isinstance(record, Attachment) else None
            links[record.ref] = await sink.write(record, None, links, content)
    return sent


@pytest.mark.parametrize("after", [1, 4, len(PROJECT) - 1, len(PROJECT)])
async def test_a_kill_doubles_nothing_and_loses_nothing(tmp_path: Path, after: int) -> None:
    whole = tree(await written(tmp_path / "whole"))
    await cut(tmp_path / "acme", after)

    assert len(await resume(tmp_path / "acme")) == len(PROJECT) - after
    assert tree(tmp_path / "acme") == whole


@pytest.mark.parametrize("left", [1, 20, -2])
async def test_half_a_line_is_written_again(tmp_path: Path, left: int) -> None:
    whole = tree(await written(tmp_path / "whole"))
    await cut(tmp_path / "acme", 6)
    lines = tmp_path / "acme" / "test_case.jsonl"
    *before, last = lines.read_bytes().splitlines(keepends=True)
    lines.write_bytes(b"".join(before) + last[:left])

    assert json.loads(last)["key"] in await resume(tmp_path / "acme")
    assert tree(tmp_path / "acme") == whole


async def test_contents_that_a_kill_left_over_are_removed(tmp_path: Path) -> None:
    whole = tree(await written(tmp_path / "whole"))
    await cut(tmp_path / "acme", 6)
    for name in (".0123456789abcdef.part", f"aa/{'a' * 64}.png"):
        place = tmp_path / "acme" / "files" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"half")

    await resume(tmp_path / "acme")
    assert tree(tmp_path / "acme") == whole


async def test_what_is_being_written_is_not_read(tmp_path: Path) -> None:
    await cut(tmp_path / "acme", 3)
    async with open_source(config(tmp_path / "acme"), lent()) as source:
        with pytest.raises(ConfigError, match="is being written, or the writing was interrupted"):
            await source.check()


async def test_a_sink_that_has_nothing_to_write_closes_what_a_kill_left(tmp_path: Path) -> None:
    whole = tree(await written(tmp_path / "whole"))
    await cut(tmp_path / "acme", len(PROJECT))
    async with open_sink(config(tmp_path / "acme"), lent()):
        pass
    assert tree(tmp_path / "acme") == whole


async def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    async with open_sink(config(tmp_path / "acme"), lent()) as sink:
        await sink.write(PROJECT[0], None, {}, None)
        async with open_sink(config(tmp_path / "acme"), lent()) as other:
            with pytest.raises(ConfigError, match="another ztoq writes to"):
                await other.check()
            with pytest.raises(RetryableError, match="another ztoq writes to"):
                await other.write(PROJECT[0], None, {}, None)


async def test_a_full_disk_stops_the_run_and_nothing_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    async with open_sink(config(tmp_path / "acme"), lent()) as sink:
        await sink.write(PROJECT[0], None, {}, None)
        with monkeypatch.context() as patched:
            patched.setattr("ztoq_files.jsonl.writer.os.fsync", full)
            with pytest.raises(RetryableError, match="No space left on device"):
                await sink.write(PROJECT[1], None, all_there(PROJECT[1]), None)
        assert await sink.find(PROJECT[1], {}) == ()
        await sink.write(PROJECT[2], None, {}, None)
    lines = (tmp_path / "acme" / "folder.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in lines] == [PROJECT[0].key, PROJECT[2].key]


def all_there(record: Record) -> Links:
    return dict.fromkeys(record.parents(), Written(target_id="?"))


# ------------------------------------------------------------------------------- malformed folders


def append(name: str, line: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(line)
        (folder / "manifest.json").write_text('{"format":"ztoq-records","version":1}')

    return change


def manifest(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "manifest.json").write_text(text)


LOST = '{"key":"X#1","name":"x","owner":{"kind":"test_case","key":"ACME-T1"},"file":"files/x"}\n'
MALFORMED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (
        lambda folder: (folder / "manifest.json").unlink(),
        "'{folder}' is not a folder of records: no manifest.json",
    ),
    "manifest cut": (manifest("{"), "{folder}/manifest.json: is not JSON: Expecting"),
    "another format": (
        manifest('{"format":"x"}'),
        "{folder}/manifest.json: 'format' is 'x', expected 'ztoq-records'",
    ),
    "newer": (
        manifest('{"format":"ztoq-records","version":2}'),
        (
            "{folder}/manifest.json: the folder is of version 2 of the format, this ztoq-files"
            " reads version 1; install the release of ztoq-files that wrote it"
        ),
    ),
    "misspelt": (
        manifest('{"format":"ztoq-records","version":1,"file":{}}'),
        "{folder}/manifest.json: has the unknown key 'file'",
    ),
    "no digests": (
        manifest('{"format":"ztoq-records","version":1,"files":{"folder.jsonl":3}}'),
        "{folder}/manifest.json: 'files' does not give records and sha256 of each file",
    ),
    "file removed": (
        lambda folder: (folder / "test_plan.jsonl").unlink(),
        (
            "{folder}/test_plan.jsonl: the file is missing; restore it, or, if that was on purpose,"
            " remove 'files' from manifest.json"
        ),
    ),
    "file cut": (
        lambda folder: os.truncate(folder / "test_plan.jsonl", 0),
        "{folder}/test_plan.jsonl: the file is not as it was when ztoq closed it; restore it, or,",
    ),
    "line": (
        append("test_plan.jsonl", '{"key":"ACME-P2"}\n'),
        "{folder}/test_plan.jsonl: line 2: 'name' is missing",
    ),
    "deletion": (
        append("test_plan.jsonl", '{"key":"ACME-P1","deleted":true}\n'),
        "{folder}/test_plan.jsonl: line 2: 'name' is missing; has the unknown key 'deleted'",
    ),
    "twice": (
        append("test_plan.jsonl", '\n{"key":"ACME-P1","name":"again"}'),
        "{folder}/test_plan.jsonl: line 3: the key 'ACME-P1' is in line 1 already",
    ),
    "no parent": (
        append(
            "test_cycle.jsonl",
            '{"key":"C","name":"","folder":{"kind":"folder","key":"F9"}}\n',
        ),
        (
            "{folder}/test_cycle.jsonl: line 2: test_cycle C belongs to folder F9, which"
            " folder.jsonl does not have"
        ),
    ),
    "no content": (
        append("attachment.jsonl", LOST),
        "{folder}/attachment.jsonl: line 3: there is no file 'files/x'",
    ),
    "no file": (
        append("attachment.jsonl", LOST.replace(',"file":"files/x"', "")),
        "{folder}/attachment.jsonl: line 3: 'file' is missing: the path of the content in this",
    ),
}


@pytest.mark.parametrize(("change", "message"), MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_folder_is_refused_before_the_first_record(
    tmp_path: Path, change: Callable[[Path], object], message: str
) -> None:
    folder = await written(tmp_path / "acme")
    change(folder)
    async with open_source(config(folder), lent()) as source:
        for look in (source.check, lambda: source.fetch(Kind.FOLDER, None)):
            with pytest.raises(ConfigError) as caught:
                await look()
            assert str(caught.value).startswith(message.replace("{folder}", str(folder)))


async def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async with open_source(config(tmp_path / "no"), lent()) as source:
        with pytest.raises(ConfigError, match="there is no folder"):
            await source.check()


async def test_a_folder_with_other_files_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    async with open_sink(config(tmp_path), lent()) as sink:
        with pytest.raises(ConfigError, match=r"holds other files \(thesis.txt\)"):
            await sink.check()
    assert list(tree(tmp_path)) == ["thesis.txt"]


async def test_lines_written_by_hand_need_no_more_than_a_manifest(tmp_path: Path) -> None:
    """With the byte order mark of Windows, empty lines, and no line feed at the end."""
    manifest('{"format":"ztoq-records","version":1}')(tmp_path)
    lines = b'\xef\xbb\xbf{"key":"A-T10","name":"b"}\r\n\r\n{"key":"A-T9","name":"a"}'
    (tmp_path / "test_case.jsonl").write_bytes(lines)
    async with open_source(config(tmp_path), lent()) as source:
        assert list(await read_project(source)) == [
            Ref(Kind.TEST_CASE, "A-T9"),
            Ref(Kind.TEST_CASE, "A-T10"),
        ]
    async with open_sink(config(tmp_path), lent()) as sink:
        await sink.write(TestCase(key="A-T11", name="c"), None, {}, None)
    async with open_source(config(tmp_path), lent()) as source:
        assert [each.key for each in (await read_project(source)).values()] == [
            "A-T9",
            "A-T10",
            "A-T11",
        ]


async def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ztoq_files.jsonl.folder.MOST_BYTES", 1000)
    manifest('{"format":"ztoq-records","version":1}')(tmp_path)
    (tmp_path / "test_case.jsonl").write_bytes(b'{"key":"' + b"A" * 5000)
    async with open_source(config(tmp_path), lent()) as source:
        with pytest.raises(ConfigError, match=r"line 1: is longer than 1,000 bytes"):
            await source.check()


# -------------------------------------------------------------------------- paths out of the folder


def outward(folder: Path) -> Iterator[tuple[str, str]]:
    secret = folder.parent / "secret.txt"
    secret.write_text("secret")
    (folder / "files" / "link").symlink_to(secret)
    (folder / "files" / "up").symlink_to(folder.parent)
    (folder / "files" / "ring").symlink_to(folder / "files" / "ring")
    (folder / "files" / "pipe").parent.mkdir(exist_ok=True)
    os.mkfifo(folder / "files" / "pipe")
    yield "../secret.txt", "leads out of the folder by '..'"
    yield "files/../../secret.txt", "leads out of the folder by '..'"
    yield str(secret), "is not a path inside the folder"
    yield "files\\..\\..\\secret.txt", "is not a path inside the folder"
    yield "C:secret.txt", "is not a path inside the folder"
    yield "//server/share", "is not a path inside the folder"
    yield "files/link", "leads out of the folder by a symbolic link"
    yield "files/up/secret.txt", "leads out of the folder by a symbolic link"
    yield "files/ring", "cannot be opened"
    yield "files/pipe", "is not a regular file"
    yield "files", "is not a regular file"
    yield "", "'file' is missing"
    yield "files/\0", "is not the name of a file"
    yield "files/" + "x" * 5000, "cannot be opened"


async def test_the_path_of_a_file_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = await written(tmp_path / "acme")
    manifest('{"format":"ztoq-records","version":1}')(folder)
    lines = folder / "attachment.jsonl"
    value = json.loads(lines.read_text().splitlines()[0])
    for path, message in outward(folder):
        lines.write_text(json.dumps({**value, "file": path}))
        async with open_source(config(folder), lent()) as source:
            with pytest.raises(ConfigError, match=message):
                await source.check()


async def test_a_path_that_is_changed_after_the_check_leads_nowhere(tmp_path: Path) -> None:
    folder = await written(tmp_path / "acme")
    (tmp_path / "secret.txt").write_text("secret")
    async with open_source(config(folder), lent()) as source:
        file = next(
            each for each in (await read_project(source)).values() if isinstance(each, Attachment)
        )
        place = next(folder.glob(f"files/*/*{Path(file.name).suffix}"))
        place.unlink()
        place.symlink_to(tmp_path / "secret.txt")
        with pytest.raises(RejectedError, match="leads out of the folder by a symbolic link"):
            await anext(aiter(source.download(file)))


async def test_a_content_that_was_changed_is_not_handed_on(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    body = CONTENTS[FILE.locator]
    announced = content_of(FILE, body)
    async with open_sink(config(folder), lent()) as sink:
        file = attrs.evolve(FILE, sha256=announced.sha256)
        case = TestCase(key=FILE.owner.key, name="")
        await sink.write(case, None, {}, None)
        await sink.write(file, None, {FILE.owner: Written(target_id="?")}, announced)
    async with open_source(config(folder), lent()) as source:
        held = (await read_project(source))[FILE.ref]
        assert isinstance(held, Attachment)
        next(folder.glob("files/*/*")).write_bytes(body.upper())
        with pytest.raises(RejectedError, match="is not the file that was written"):
            _ = [chunk async for chunk in source.download(held)]


async def test_a_content_that_is_not_as_announced_is_not_kept(tmp_path: Path) -> None:
    async with open_sink(config(tmp_path / "acme"), lent()) as sink:
        announced = attrs.evolve(content_of(FILE, b"one"), sha256="0" * 64)
        with pytest.raises(RejectedError, match="announced was 0000"):
            await sink.write(FILE, None, {FILE.owner: Written(target_id="?")}, announced)
    assert list(tree(tmp_path / "acme")) == ["manifest.json"]


# ------------------------------------------------------------------------- what a sink meets


async def test_a_deletion_outlives_a_kill(tmp_path: Path) -> None:
    async def work() -> None:
        async with open_sink(config(tmp_path), lent()) as sink:
            for folder in PROJECT[:2]:
                await sink.write(folder, None, all_there(folder), None)
            assert isinstance(sink, Deletion)
            await sink.delete(PROJECT[1].kind, PROJECT[1].key)
            raise PowerCut

    with pytest.raises(PowerCut):
        await work()
    assert b"deleted" in tree(tmp_path)["folder.jsonl"]
    async with open_sink(config(tmp_path), lent()) as sink:
        assert [bool(await sink.find(each, {})) for each in PROJECT[:2]] == [True, False]
    assert b"deleted" not in tree(tmp_path)["folder.jsonl"]


async def test_a_kind_without_records_left_has_no_file(tmp_path: Path) -> None:
    async with open_sink(config(tmp_path), lent()) as sink:
        await sink.write(PROJECT[0], None, {}, None)
        assert isinstance(sink, Deletion)
        await sink.delete(PROJECT[0].kind, PROJECT[0].key)
    assert list(tree(tmp_path)) == ["manifest.json"]


async def test_a_file_of_records_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = await written(tmp_path / "acme")
    secret = tmp_path / "secret.jsonl"
    secret.write_bytes((folder / "test_plan.jsonl").read_bytes())
    (folder / "test_plan.jsonl").unlink()
    (folder / "test_plan.jsonl").symlink_to(secret)
    message = "'test_plan.jsonl' leads out of the folder by a symbolic link"
    async with open_source(config(folder), lent()) as source:
        with pytest.raises(ConfigError, match=message):
            await source.check()
    async with open_sink(config(folder), lent()) as sink:
        with pytest.raises(ConfigError, match=message):
            await sink.check()
        with pytest.raises(RetryableError, match=message):
            await sink.write(PROJECT[0], PROJECT[0].key, {}, None)
    assert secret.read_bytes()
    # the lock was given back
    (folder / "test_plan.jsonl").unlink()
    async with open_sink(config(folder), lent()) as sink:
        await sink.write(PROJECT[0], PROJECT[0].key, {}, None)


async def test_a_file_keeps_its_content_when_only_its_record_changes(tmp_path: Path) -> None:
    folder = await written(tmp_path / "acme")
    links = {FILE.owner: Written(target_id=FILE.owner.key)}
    async with open_sink(config(folder), lent()) as sink:
        await sink.write(attrs.evolve(FILE, name="again.png"), FILE.key, links, None)
        with pytest.raises(RejectedError, match="came without its content"):
            await sink.write(attrs.evolve(FILE, key="ACME-T1#9"), None, links, None)
    async with open_source(config(folder), lent()) as source:
        held = (await read_project(source))[FILE.ref]
        assert isinstance(held, Attachment)
        assert held.name == "again.png"
        body = b"".join([chunk async for chunk in source.download(held)])
    assert body == CONTENTS[FILE.locator]


async def test_a_disk_that_is_full_during_a_file_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with open_sink(config(tmp_path), lent()) as sink:
        monkeypatch.setattr("ztoq_files.jsonl.writer.ContentFile.add", full)
        with pytest.raises(RetryableError, match="No space left on device"):
            await sink.write(FILE, None, all_there(FILE), content_of(FILE, b"body"))
    assert list(tree(tmp_path)) == ["manifest.json"]


async def test_what_is_not_ours_to_change_is_refused(tmp_path: Path) -> None:
    async with open_sink(config(tmp_path), lent()) as sink:
        with pytest.raises(RejectedError, match="is not the object 'other'"):
            await sink.write(PROJECT[0], "other", {}, None)
        with pytest.raises(RejectedError, match="lacks folder ACME-F1"):
            await sink.write(PROJECT[1], None, {}, None)


async def test_a_folder_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with open_sink(config(tmp_path / "file" / "acme"), lent()) as sink:
        with pytest.raises(RetryableError, match="cannot write"):
            await sink.write(PROJECT[0], None, {}, None)


async def test_definitions_of_fields_are_the_schema_of_source_and_sink(tmp_path: Path) -> None:
    field = FieldDefinition(
        key="test_case/Browser",
        of=Kind.TEST_CASE,
        name="Browser",
        type=FieldType.CHOICE,
        values=("Firefox",),
    )
    expected = FieldSpec(
        kind=Kind.TEST_CASE, name="Browser", type=FieldType.CHOICE, values=("Firefox",)
    )
    async with open_sink(config(tmp_path), lent()) as sink:
        await sink.write(field, None, {}, None)
        schema = await sink.describe()
        assert schema.fields == (expected,)
        odd = FieldValue(name="Browser", value="Netscape", type=FieldType.CHOICE)
        assert schema.fits(expected, odd).rest is None
    async with open_source(config(tmp_path), lent()) as source:
        assert (await source.describe()).fields == (expected,)


async def test_pictures_in_texts_are_given_at_their_own_address_alone(tmp_path: Path) -> None:
    src = "https://acme.example.com/a.png"
    picture = Attachment(key="ACME-T1!1", name="a.png", owner=FILE.owner, locator=src, inline=True)
    case = TestCase(key=FILE.owner.key, name="", description=f'<img src="{src}">')
    async with open_sink(config(tmp_path), lent()) as sink:
        await write_project(sink, [case, picture], {src: b"\x89PNG"})
    async with open_source(config(tmp_path), lent()) as source:
        assert isinstance(source, Pictures)
        given = source.picture(picture)
        assert given is not None
        assert b"".join([chunk async for chunk in given]) == b"\x89PNG"
        assert source.picture(attrs.evolve(picture, locator=f"{src}?other")) is None
        assert source.picture(attrs.evolve(picture, key="no")) is None


async def test_contents_are_never_written_or_removed_outside_of_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    kept = outside / "aa" / ("a" * 64)
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    folder = tmp_path / "acme"
    async with open_sink(config(folder), lent()) as sink:
        case = TestCase(key=FILE.owner.key, name="")
        links = {FILE.owner: await sink.write(case, None, {}, None)}
    (folder / "files").symlink_to(outside)
    (folder / ".test_case.jsonl.part").symlink_to(outside / "part")
    async with open_sink(config(folder), lent()) as sink:
        with pytest.raises(RetryableError, match="leads out of the folder by a symbolic link"):
            await sink.write(FILE, None, links, content_of(FILE, b"body"))
    (folder / "files").unlink()
    body = content_of(FILE, b"body")
    (folder / "files").mkdir()
    (folder / "files" / body.sha256[:2]).symlink_to(outside)
    async with open_sink(config(folder), lent()) as sink:
        with pytest.raises(RetryableError, match="leads out of the folder by a symbolic link"):
            await sink.write(FILE, None, links, body)
    assert [path for path in outside.rglob("*") if path.is_file()] == [kept]
