"""Pictures in texts become files of their owners, and texts point at them when all is done."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource, PowerCut

from tests.tables import sampled
from tests.unit.engine.crashing import Crash, CrashingSink, CrashingStore, Point
from tests.unit.engine.rules import RULES
from ztoq_core import engine
from ztoq_core.contracts import Page, Transform
from ztoq_core.engine import PictureSources
from ztoq_core.errors import Exit, RejectedError, RetryableError
from ztoq_core.pictures.addresses import change_images, image_src, texts_of, with_texts
from ztoq_core.pictures.settings import CutShortError, Images
from ztoq_core.records import (
    Attachment,
    FieldValue,
    Folder,
    Kind,
    Record,
    Ref,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestRun,
    TestStep,
    Tree,
)
from ztoq_core.store import State, Store
from ztoq_core.store.tables import RejectRow, bound

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 400
GIF = b"GIF89a and more"
URI = "data:image/png;base64," + b64encode(PNG).decode()
HOST = "https://files.example"
SHOT = f"{HOST}/stored-1602524700769-The+basket.png?sig=s3cr3t"
CASE = Ref(Kind.TEST_CASE, "ACME-T1")
FOLDER = Ref(Kind.FOLDER, "ACME-F1")
RUN = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/")
CYCLE = Ref(Kind.TEST_CYCLE, "ACME-R1")


def img(src: str) -> str:
    return f'<p>See <img src="{src}" width=9>!</p>'


def case(description: str = "", **more: Any) -> TestCase:
    return TestCase(key=CASE.key, name="Basket", folder=FOLDER, description=description, **more)


def project(*records: Record) -> list[Record]:
    folder = Folder(key=FOLDER.key, name="Shop", tree=Tree.CASES)
    return [*(() if FOLDER in {each.ref for each in records} else (folder,)), *records]


def history(**more: Any) -> list[Record]:
    return [
        TestCycle(key=CYCLE.key, name="Night", folder=FOLDER),
        TestRun(key=RUN.key, case=CASE, cycle=CYCLE),
        TestLog(key="ACME-E1", run=RUN, case=CASE, status="Pass", **more),
    ]


def mapped(record: Record) -> Record:
    """Do what a mapping does: texts point at files, or say what is missing."""
    images = {image.src: image for image in record.images}
    refers: list[Ref] = list(record.text_refs)

    def change(src: str) -> str | None:
        image = images.get(image_src(src))
        if image is None:
            return None
        if image.lost:
            return f"[lost: {image.lost}]"
        refers.append(image.file)
        return image.file.address

    record = with_texts(record, lambda text: change_images(text, change))
    return attrs.evolve(record, text_refs=tuple(dict.fromkeys(refers)))


class Net:
    """What stands at which address; ``asked`` are the addresses in order."""

    def __init__(self, held: Mapping[str, bytes | Exception] | None = None) -> None:
        self.held = dict(held or {})
        self.asked: list[str] = []

    async def fetch(self, address: str) -> AsyncIterator[bytes]:
        self.asked.append(address)
        found = self.held.get(address, RejectedError("answered 404", status=404))
        if isinstance(found, Exception):
            yield PNG[:5]
            raise found
        for start in range(0, len(found), 500):
            yield found[start : start + 500]

    def gallery(self, **settings: Any) -> PictureSources:
        return PictureSources(Images(**settings), self.fetch)


@attrs.define
class Desk:
    """A store with what is needed to migrate into ``sink``, as often as wished."""

    url: str
    files_at: Path
    sink: MemorySink = attrs.field(factory=CrashingSink)
    change: Transform = mapped
    outcome: engine.Verdict = attrs.field(init=False)

    async def extract(self, source: MemorySource, gallery: PictureSources | None) -> None:
        with Store(self.url, files=self.files_at) as store, store.run("extract") as run:
            read = engine.Run(store, run.id, rules=RULES)
            await engine.extract(read, source, pictures=gallery)

    async def load(self, crash: Crash | None = None) -> None:
        with CrashingStore(self.url, files=self.files_at) as store:
            store.database.crash = crash
            if isinstance(self.sink, CrashingSink):
                self.sink.crash = crash
            await engine.transform(engine.Run(store), lambda _: [self.change])
            with store.run("load") as run:
                await engine.load(engine.Run(store, run.id, request_timeout=0.01), self.sink)
            self.outcome = engine.outcome(store)

    async def migrate(self, records: list[Record], gallery: PictureSources, **files: bytes) -> None:
        await self.extract(MemorySource(records, files), gallery)
        await self.load()

    def text(self, key: str = CASE.key) -> str:
        """Return the texts of an object in the target."""
        held = [each for each in self.sink.objects.values() if each.record.key == key]
        assert len(held) == 1, f"{key} stands {len(held)} times"
        return "".join(texts_of(held[0].record))

    def files(self) -> dict[str, bytes]:
        """Return the contents of the files in the target by name."""
        return {
            each.record.name: each.content
            for each in self.sink.objects.values()
            if isinstance(each.record, Attachment)
        }

    def shown(self, key: str = CASE.key) -> bytes:
        """Return the content of the file that an object's text shows."""
        number = self.text(key).partition('src="memory:')[2].partition('"')[0]
        return self.sink.objects[number].content

    def states(self) -> dict[str, tuple[str, str]]:
        with Store(self.url) as store:
            rows = store.database.select("SELECT key, state, reason FROM item")
            return {key: (state, reason) for key, state, reason in rows}


@pytest.fixture
def desk(store_url: str, tmp_path: Path) -> Desk:
    return Desk(store_url, tmp_path / "files")


# ------------------------------------------------------------------------------------------- where


async def test_a_picture_is_fetched_rehosted_and_shown_from_there(desk: Desk) -> None:
    net = Net({SHOT: PNG})
    await desk.migrate(project(case(img(SHOT))), net.gallery())
    assert net.asked == [SHOT]
    assert desk.files() == {"The basket.png": PNG}
    assert desk.shown() == PNG
    assert desk.text().startswith('<p>See <img src="memory:')
    assert desk.text().endswith('" width=9>!</p>')
    assert desk.outcome.exit is Exit.OK


async def test_a_second_run_writes_nothing_and_fetches_nothing(desk: Desk) -> None:
    net = Net({SHOT: PNG})
    records = project(case(img(SHOT)), *history(comment=img(SHOT)))
    await desk.migrate(records, net.gallery())
    assert net.asked == [SHOT, SHOT]
    calls = list(desk.sink.calls)
    await desk.migrate(records, net.gallery())
    assert [
        call for call in desk.sink.calls[len(calls) :] if "write" in call or "fin" in call
    ] == []
    assert net.asked == [SHOT, SHOT]
    assert desk.outcome.exit is Exit.OK


async def test_pictures_of_all_texts_of_all_kinds_are_brought(desk: Desk) -> None:
    addresses = [f"{HOST}/{number}.png" for number in range(8)]
    texts = [img(address) for address in addresses]
    net = Net(dict.fromkeys(addresses, PNG))
    await desk.migrate(
        [
            Folder(key=FOLDER.key, name="Shop", tree=Tree.CASES, description=texts[0]),
            case(
                texts[1],
                precondition=texts[2],
                steps=(TestStep(key="1", description=texts[3], expected=texts[4]),),
                fields=(FieldValue(name="Notes", value=texts[5]),),
            ),
            *history(comment=texts[6]),
            TestCase(key="ACME-T2", name="Pay", folder=FOLDER, description=texts[7] + texts[7]),
        ],
        net.gallery(),
    )
    assert sorted(net.asked) == addresses
    assert len(desk.files()) == len(addresses)
    for key, number in ((FOLDER.key, 1), (CASE.key, 5), ("ACME-E1", 1), ("ACME-T2", 2)):
        assert desk.text(key).count('<img src="memory:') == number
        assert "ztoq:" not in desk.text(key)
        assert HOST not in desk.text(key)
    assert desk.outcome.exit is Exit.OK


async def test_a_data_uri_becomes_a_file_and_does_not_stand_twice_in_the_store(
    desk: Desk,
) -> None:
    net = Net()
    await desk.migrate(project(case(img(URI))), net.gallery())
    assert desk.files() == {"picture.png": PNG}
    assert desk.shown() == PNG
    assert net.asked == []
    with Store(desk.url) as store:
        text = "SELECT record FROM source_body JOIN item ON item.id = item WHERE kind = ?"
        ((body,),) = store.database.select(text, (Kind.TEST_CASE,))
        assert bytes(body).count(b64encode(PNG)) == 1


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("data:image/png;base64,", "nothing came"),
        (URI.replace("Ggp", "Gg*p", 1), "cannot be decoded"),
        (URI + "=A", "cannot be decoded"),
        (f"data:image/png;base64,{chr(0xD800)}", "cannot be decoded"),
        ("data:image/png", "its data URI cannot be read"),
        ("data:text/html,<html>", "a web page came"),
        ("data:image/png;base64,A", "cannot be decoded"),
        (f"data:image/png;base64,{'A' * 130_000}", "images.max_size"),
        (f"data:image/png;base64,{b64encode(PNG + bytes(40_000)).decode()}", "images.max_size"),
    ],
)
async def test_a_broken_data_uri_is_lost_with_a_reason(desk: Desk, uri: str, reason: str) -> None:
    await desk.migrate(project(case(img(uri))), Net().gallery(max_size=40_000))
    assert reason in desk.text()
    assert desk.files() == {}


async def test_a_data_uri_may_be_encoded_in_any_way_that_browsers_read(desk: Desk) -> None:
    plain = "data:image/png," + "".join(f"%{byte:02x}" for byte in PNG)
    bare = "data:image/png;base64," + b64encode(PNG + b"!").decode().rstrip("=")
    spaced = URI[:60] + "%0A " + URI[60:]
    await desk.migrate(
        project(case("".join(map(img, (plain, bare, spaced))))),
        Net().gallery(max_size=len(PNG) + 1),
    )
    assert desk.text().count("memory:") == 3, desk.text()


async def test_an_address_of_an_own_file_brings_no_second_one(desk: Desk) -> None:
    path = "testcases/ACME-T1/attachments/55"
    own = Attachment(key="ACME-T1#55", name="a.png", owner=CASE, locator=path)
    net = Net()
    source = MemorySource(project(case(img(f"https://z.example/v2/{path}?x=1")), own), {path: GIF})
    await desk.extract(source, net.gallery())
    await desk.load()
    assert desk.files() == {"a.png": GIF}
    assert desk.shown() == GIF
    assert net.asked == []


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["The basket.png"], True),
        (["Another.png"], False),
        (["The basket.png", "The basket.png"], False),
    ],
)
async def test_an_own_file_of_the_original_name_is_the_picture(
    desk: Desk,
    names: list[str],
    *,
    taken: bool,
) -> None:
    own = [
        Attachment(key=f"ACME-T1#{number}", name=name, owner=CASE, locator=f"l{number}")
        for number, name in enumerate(names)
    ]
    held = {each.locator: GIF for each in own}
    net = Net({SHOT: PNG})
    await desk.extract(MemorySource(project(case(img(SHOT)), *own), held), net.gallery())
    await desk.load()
    assert desk.shown() == (GIF if taken else PNG)
    assert net.asked == ([] if taken else [SHOT])


async def test_a_name_that_says_nothing_makes_no_picture_of_a_file(desk: Desk) -> None:
    src = f"{HOST}/stored-1602524700769-image.png"
    own = Attachment(key="ACME-T1#5", name="image.png", owner=CASE, locator="five")
    source = MemorySource(project(case(img(src)), own), {"five": GIF})
    await desk.extract(source, Net({src: PNG}).gallery())
    await desk.load()
    assert desk.shown() == PNG


class OpeningSource(MemorySource):
    """A source whose credentials open pictures of one host."""

    pictures: Mapping[str, bytes | None] = {}

    def picture(self, file: Attachment) -> AsyncIterator[bytes] | None:
        return self._open(file) if file.locator in self.pictures else None

    async def _open(self, file: Attachment) -> AsyncIterator[bytes]:
        found = self.pictures[file.locator]
        if found is None:
            raise RejectedError("refused", status=403)
        yield found


async def test_the_source_comes_before_the_folder_and_the_folder_before_the_net(
    desk: Desk, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    names = ["theirs", "refused", "stored-16025-own+name.png", "other.png", "../m.db"]
    addresses = [f"{HOST}/{name}" for name in names]
    (folder / "theirs").write_bytes(GIF)
    (folder / "refused").write_bytes(GIF)
    (folder / "own name.png").write_bytes(GIF)
    net = Net(dict.fromkeys(addresses, PNG))
    source = OpeningSource(project(case("".join(map(img, addresses)))))
    source.pictures = {addresses[0]: PNG + b"!", addresses[1]: None}
    await desk.extract(source, net.gallery(folder=folder))
    await desk.load()
    assert desk.files() == {
        "theirs": PNG + b"!",
        "refused": GIF,
        "own name.png": GIF,
        "other.png": PNG,
        "m.db": PNG,
    }
    assert net.asked == addresses[3:]


@pytest.mark.parametrize("src", ["http://[1/a.png", "a.png", f"{HOST}/{'long' * 100}", "\0", "/"])
async def test_odd_addresses_are_lost_and_nothing_else(
    desk: Desk, tmp_path: Path, src: str
) -> None:
    await desk.migrate(project(case(img(src))), Net().gallery(folder=tmp_path))
    assert "<p>See [lost: " in desk.text()
    assert desk.outcome.exit is Exit.LEFT
    assert desk.outcome.headline == "The migration is incomplete: 1 rejected"


async def test_what_is_the_sources_own_is_never_asked_for_without_credentials(desk: Desk) -> None:
    net = Net({SHOT: PNG})
    source = OpeningSource(project(case(img(SHOT))))
    source.pictures = {SHOT: None}
    await desk.extract(source, net.gallery())
    assert net.asked == []
    assert desk.states()[next(key for key in desk.states() if "#img-" in key)] == (
        State.REJECTED,
        f"The picture {SHOT.partition('?')[0]} could not be fetched: refused",
    )


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("stored-17-a-b.png", "a-b.png"),
        ("Screen+Shot%20%c3%a4%0a1.png?x=/y.gif#z", "Screen Shot ä 1.png"),
        (f"{'long' * 100}.png", f"{'long' * 100}"[:190] + ".png"),
        ("", "picture"),
    ],
)
async def test_a_picture_gets_the_name_it_had(desk: Desk, stored: str, name: str) -> None:
    src = f"{HOST}/a/{stored}"
    await desk.migrate(project(case(img(src))), Net({src: PNG}).gallery())
    expected = stored if name == "picture" and stored else name
    assert list(desk.files()) == [expected]


# ------------------------------------------------------------------------------------------ losses


@pytest.mark.parametrize(
    ("found", "reason", "asked"),
    [
        (RejectedError("answered 403", status=403), "answered 403", 1),
        (CutShortError("cut short"), "cut short", 2),
        (b"<!DOCTYPE html><p>Log in", "a web page came instead of a picture", 1),
        (b"%PDF-1.7", "something else came", 1),
        (b"", "nothing came", 1),
        (b"<svg xmlns='x'><script/></svg>", "image/svg+xml are not accepted", 1),
        (PNG + bytes(50_000), "images.max_size", 1),
    ],
)
async def test_what_is_not_to_be_had_is_lost_with_a_reason(
    desk: Desk, found: bytes | Exception, reason: str, asked: int
) -> None:
    net = Net({SHOT: found})
    await desk.migrate(project(case(img(SHOT))), net.gallery(max_size=40_000))
    assert len(net.asked) == asked
    assert "<p>See [lost: " in desk.text()
    assert reason in desk.text()
    assert desk.files() == {}
    assert desk.outcome.exit is Exit.LEFT
    assert desk.outcome.headline == "The migration is incomplete: 1 rejected"


async def test_a_later_run_with_more_at_hand_repairs_just_what_was_lost(
    desk: Desk, tmp_path: Path
) -> None:
    other = f"{HOST}/other.png"
    records = project(
        case(img(SHOT) + img(other)),
        TestCase(key="ACME-T2", name="Pay", folder=FOLDER, description=img(other)),
        *history(comment=img(SHOT)),
    )
    net = Net({other: PNG})
    await desk.migrate(records, net.gallery())
    assert desk.outcome.exit is Exit.LEFT
    assert desk.outcome.headline == "The migration is incomplete: 2 rejected"
    (tmp_path / "The basket.png").write_bytes(GIF)
    del desk.sink.calls[:], net.asked[:]
    await desk.migrate(records, net.gallery(folder=tmp_path))
    assert net.asked == []
    assert int(desk.outcome.exit) == 0
    assert desk.text().count("memory:") == 2
    assert "lost" not in desk.text("ACME-E1") + desk.text()
    with Store(desk.url) as store:
        assert bound(RejectRow, store.database.connection).select().count() == 0
    changed = [call for call in desk.sink.calls if call.startswith("write")]
    assert len(changed) == 4  # the case, the log, and the file of each
    assert not any("ACME-T2" in call for call in changed)


async def test_a_file_that_the_target_refused_is_shown_once_it_stands(desk: Desk) -> None:
    net = Net({SHOT: PNG})
    records = project(case(img(SHOT)))
    await desk.extract(MemorySource(records), net.gallery())
    (file,) = (key for key in desk.states() if "#img-" in key)
    desk.sink.refuses = {file}
    await desk.load()
    assert desk.text() == "<p>See <em>[Picture missing]</em>!</p>"
    with Store(desk.url) as store:
        assert any(each.code == "reference-missing" for each in store.reporting.note_counts())

    desk.sink.refuses = set()
    with Store(desk.url) as store:
        store.decisions.retry.now(1, Kind.ATTACHMENT, [])
    await desk.load()
    assert desk.shown() == PNG
    assert desk.outcome.exit is Exit.OK


async def test_pictures_stay_where_they_are_if_nobody_is_to_fetch_them(desk: Desk) -> None:
    net = Net({SHOT: PNG})
    records = project(case(img(SHOT)))
    await desk.migrate(records, net.gallery(fetch=False))
    assert SHOT in desk.text()
    assert net.asked == []
    assert desk.outcome.exit is Exit.OK
    with Store(desk.url) as store:
        assert [each.code for each in store.reporting.note_counts()] == ["pictures-left"]
    await desk.migrate(records, net.gallery())
    assert desk.shown() == PNG
    with Store(desk.url) as store:
        assert not store.reporting.note_counts()


async def test_a_quick_pass_tries_lost_pictures_again(desk: Desk) -> None:
    net = Net()
    records = project(case(img(SHOT)))
    source = ChangingSource(records)
    await desk.extract(source, net.gallery())
    net.held[SHOT] = PNG
    with Store(desk.url, files=desk.files_at) as store, store.run("extract") as run:
        await engine.extract(
            engine.Run(store, run.id),
            source,
            pictures=net.gallery(),
            since=datetime.now(UTC),
        )
    await desk.load()
    assert desk.shown() == PNG
    assert desk.outcome.exit is Exit.OK


class ChangingSource(MemorySource):
    """A source in which nothing changes."""

    async def changed_since(self, *_: Any) -> Page:
        return Page(records=(), cursor=None)


async def test_a_picture_that_was_under_way_at_a_kill_is_fetched_on_resume(desk: Desk) -> None:
    class Cut(Net):
        async def fetch(self, address: str) -> AsyncIterator[bytes]:
            self.asked.append(address)
            yield PNG[:9]
            raise PowerCut

    records = project(case(img(SHOT) + img(URI)))
    with pytest.raises(PowerCut):
        await desk.extract(MemorySource(records), Cut().gallery())
    net = Net({SHOT: PNG})
    await desk.migrate(records, net.gallery())
    assert sorted(desk.files()) == ["The basket.png", "picture.png"]
    assert desk.text().count("memory:") == 2
    assert desk.outcome.exit is Exit.OK


async def test_a_limit_leaves_pictures_to_the_next_run(desk: Desk) -> None:
    """Nothing is lost because the time was over."""
    other = f"{HOST}/other.png"
    records = project(case(img(SHOT) + img(other)))
    net = Net({SHOT: PNG, other: RetryableError("it is 06:00, where --until ends")})
    with pytest.raises(RetryableError, match="--until"):
        await desk.extract(MemorySource(records), net.gallery())
    assert "rejected" not in {state for state, _ in desk.states().values()}
    net.held[other], net.asked[:] = GIF, []
    await desk.migrate(records, net.gallery())
    assert other in net.asked
    assert desk.text().count("memory:") == 2
    assert desk.outcome.exit is Exit.OK


async def test_what_is_sent_as_a_picture_is_one_whatever_it_is_called(desk: Desk) -> None:
    page = f"{HOST}/page.html"
    await desk.migrate(project(case(img(page))), Net({page: GIF}).gallery())
    with Store(desk.url) as store:
        types = [row[0] for row in store.database.select("SELECT media_type FROM file")]
    assert types == ["image/gif"]


async def test_the_source_has_the_same_time_for_a_picture(desk: Desk) -> None:
    class Slow(MemorySource):
        def picture(self, file: Attachment) -> AsyncIterator[bytes]:
            del file
            return self._trickle()

        async def _trickle(self) -> AsyncIterator[bytes]:
            yield PNG
            while True:
                await asyncio.sleep(0.02)
                yield b"."

    records = project(case(img(SHOT)))
    async with asyncio.timeout(10):
        await desk.extract(Slow(records), Net().gallery(timeout=0.1))
    assert any("it took more than 0.1 s" in reason for _, reason in desk.states().values())


async def test_a_picture_left_over_by_a_run_without_pictures_is_not_forgotten(desk: Desk) -> None:
    records = project(case(img(SHOT)))

    class Cut(Net):
        async def fetch(self, address: str) -> AsyncIterator[bytes]:
            yield address[:0].encode()
            raise PowerCut

    with pytest.raises(PowerCut):
        await desk.extract(MemorySource(records), Cut().gallery())
    await desk.extract(MemorySource(records), None)
    assert ("rejected", "This run fetched no pictures") in desk.states().values()
    await desk.migrate(records, Net({SHOT: PNG}).gallery())
    assert desk.shown() == PNG


async def test_pictures_of_records_that_are_looked_up_are_brought(desk: Desk) -> None:
    class Archived(MemorySource):
        async def fetch(self, kind: Kind, cursor: str | None) -> Page:
            page = await super().fetch(kind, cursor)
            return attrs.evolve(page, records=tuple(r for r in page.records if r.ref != CASE))

    source = Archived(project(case(img(SHOT)), *history()))
    await desk.extract(source, Net({SHOT: PNG}).gallery())
    await desk.load()
    assert desk.shown() == PNG


# -------------------------------------------------------------------------------------- references


def linking(links: Mapping[str, Ref]) -> Transform:
    """Return a mapping that ends the description of records with a link."""

    def change(record: Record) -> Record:
        ref = links.get(record.key)
        if ref is None or not isinstance(record, TestCase | TestCycle | Folder):
            return record
        text = f'{record.description}<a href="{ref.address}">{ref.key}</a>'
        return attrs.evolve(record, description=text, text_refs=(*record.text_refs, ref))

    return change


OTHER = TestCase(key="ACME-T2", name="Pay", folder=FOLDER)
LOG = Ref(Kind.TEST_LOG, "ACME-E1")


@pytest.mark.parametrize(
    "links",
    [
        {CASE.key: OTHER.ref},
        {CASE.key: OTHER.ref, OTHER.key: CASE},
        {CASE.key: CASE},
        {CASE.key: CYCLE, CYCLE.key: CASE},
        {CASE.key: LOG},
        {CASE.key: LOG, CYCLE.key: LOG, FOLDER.key: LOG, OTHER.key: LOG},
        {FOLDER.key: CYCLE, OTHER.key: RUN},
    ],
    ids=lambda links: " ".join(f"{a}-{b.key}" for a, b in links.items()),
)
async def test_references_in_any_direction_are_resolved(
    desk: Desk, links: Mapping[str, Ref]
) -> None:
    """Those in a circle, and to what has to wait for the one that refers to it."""
    desk.change = linking(links)
    records = project(case(), OTHER, *history())
    await desk.migrate(records, Net().gallery())
    numbers = {each.record.ref: n for n, each in desk.sink.objects.items()}
    for key, ref in links.items():
        assert desk.text(key) == f'<a href="memory:{numbers[ref]}">{ref.key}</a>'
    assert desk.outcome.exit is Exit.OK
    calls = len(desk.sink.calls)
    await desk.migrate(records, Net().gallery())
    assert [call for call in desk.sink.calls[calls:] if "write" in call or "finish" in call] == []


async def test_a_reference_to_what_is_nowhere_becomes_words_with_a_note(desk: Desk) -> None:
    desk.change = linking({CASE.key: Ref(Kind.TEST_CASE, "ACME-T404")})
    await desk.migrate(project(case()), Net().gallery())
    assert desk.text() == "ACME-T404"
    assert desk.outcome.exit is Exit.OK
    with Store(desk.url) as store:
        assert [each.code for each in store.reporting.note_counts()] == ["reference-missing"]
    calls = len(desk.sink.calls)
    await desk.load()
    assert len(desk.sink.calls) == calls


async def test_records_that_refer_to_nothing_are_not_finished(desk: Desk) -> None:
    desk.change = linking({CYCLE.key: OTHER.ref})
    await desk.migrate(project(case(), OTHER, *history()), Net().gallery())
    assert [call for call in desk.sink.calls if call.startswith("finish")] == [
        "finish test_cycle ACME-R1"
    ]
    assert sorted(desk.sink.finished) == sorted([CYCLE.key, CASE.key, OTHER.key, LOG.key])


OF_FINISHING = (Point.BEFORE_FINISH, Point.FINISHED, Point.BEFORE_FINISHED)


CRASHES = [
    *((Kind.TEST_CASE, point) for point in Point),
    *((Kind.FOLDER, point) for point in OF_FINISHING),
    *((Kind.ATTACHMENT, point) for point in Point if point not in OF_FINISHING),
]


@pytest.mark.parametrize(("kind", "point"), sampled(CRASHES, 4))
async def test_after_a_crash_all_texts_show_their_pictures(
    tmp_path: Path, kind: Kind, point: Point
) -> None:
    desk = Desk(f"sqlite:///{tmp_path}/m.db", tmp_path / "files")
    records = [
        Folder(key=FOLDER.key, name="Shop", tree=Tree.CASES, description=img(SHOT)),
        case(img(SHOT), steps=(TestStep(key="1", description=img(URI)),)),
        *history(comment=img(SHOT)),
        Attachment(key="ACME-T1#1", name="a.png", owner=CASE, part="1", locator="a"),
    ]
    await desk.extract(MemorySource(records, {"a": GIF}), Net({SHOT: PNG}).gallery())
    crash = Crash(point, kind)
    with pytest.raises(PowerCut):
        await desk.load(crash)
    assert crash.over

    await desk.load()
    keys = desk.sink.keys()
    assert len(keys) == len(set(keys))
    assert sorted(desk.files()) == ["The basket.png", "a.png", "picture.png"]
    for key, number in ((FOLDER.key, 1), (CASE.key, 2), (LOG.key, 1)):
        assert desk.text(key).count('<img src="memory:') == number
    assert desk.outcome.exit is Exit.OK


async def test_what_a_joined_result_shares_with_its_step_is_shown_there_alone(desk: Desk) -> None:
    step = TestStep(key="1", description=img(SHOT), expected="fine")
    results = (
        StepResult(key="1", status="Pass", description=step.description, expected="fine"),
        StepResult(key="2", status="Pass", description=step.description, actual=img(URI)),
    )
    joined = history(results=results[:1])
    drifted = TestLog(key="ACME-E2", run=RUN, case=CASE, status="Pass", number=2, results=results)
    net = Net({SHOT: PNG})
    await desk.migrate(project(case(steps=(step,)), *joined, drifted), net.gallery())
    owners = [
        each.record.owner.key
        for each in desk.sink.objects.values()
        if isinstance(each.record, Attachment)
    ]
    assert sorted(owners) == ["ACME-E2", "ACME-E2", CASE.key]
    skipped = {key: why for key, (state, why) in desk.states().items() if state == State.SKIPPED}
    assert list(skipped.values()) == ["its step shows the same picture"]
    assert "finish test_log ACME-E1" not in desk.sink.calls
    assert desk.outcome.exit is Exit.OK
