"""Folders and test cases into Markdown pages: a folder with a page for each."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

import attrs

from ztoq_core import plugin as z

KINDS = frozenset({z.Kind.FOLDER, z.Kind.TEST_CASE})
SECTION = re.compile(r"^<!-- (.*) -->\n", re.MULTILINE)
"""Begins each part of a page: a comment, which readers do not see."""


@attrs.frozen(kw_only=True)
class PagesConfig:
    path: Path


class PagesSink:
    """The id of a page is the source's key, so it is its mark, and nothing can be there twice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.identity = f"pages {folder.resolve()}"

    # ------------------------------------------------------------ what every sink has to have

    async def check(self) -> tuple[z.Finding, ...]:
        if self.folder.is_file():
            raise z.ConfigError(f"sink.path: {str(self.folder)!r} is a file; name a folder")
        return ()

    async def describe(self) -> z.Schema:
        return z.Schema(kinds=KINDS, attachable=frozenset(), remote=False)

    async def find(self, record: z.Record, links: z.Links) -> tuple[z.Found, ...]:
        found = await self.current(record.kind, quote(record.key, safe=""))
        return (z.Found(written=found),) if found else ()

    async def marks(
        self, kind: z.Kind, owners: Sequence[z.Owner], cursor: str | None
    ) -> z.MarkPage:
        return z.MarkPage(marks=tuple(mark for mark, _ in self._pages(kind)))

    async def write(
        self, record: z.Record, target_id: str | None, links: z.Links, content: z.Content | None
    ) -> z.Written:
        page = page_of(record, links)
        path = self._path(record.kind, quote(record.key, safe=""))
        await asyncio.to_thread(replace, path, page)
        return written(path, page)

    # ------------------------------------------------------------ what it may have: capabilities

    async def current(self, kind: z.Kind, target_id: str) -> z.Written | None:
        path = self._path(kind, target_id)
        return written(path, path.read_bytes()) if path.exists() else None

    async def read(self, kind: z.Kind, target_id: str) -> z.Record:
        return record_of(kind, target_id, self._existing(kind, target_id).read_bytes())

    async def children(
        self, kind: z.Kind, target_ids: Sequence[str]
    ) -> Mapping[str, tuple[z.Mark, ...]]:
        found: dict[str, tuple[z.Mark, ...]] = dict.fromkeys(target_ids, ())
        for each in KINDS:
            for mark, record in self._pages(each):
                for ref in {*record.parents(), *record.soft_dependencies()}:
                    if ref.kind is kind and ref.key in found:
                        found[ref.key] += (mark,)
        return found

    async def delete(self, kind: z.Kind, target_id: str) -> None:
        self._existing(kind, target_id).unlink()

    # ------------------------------------------------------------ the files

    def _path(self, kind: z.Kind, target_id: str) -> Path:
        return self.folder / kind / f"{target_id}.md"

    def _existing(self, kind: z.Kind, target_id: str) -> Path:
        path = self._path(kind, target_id)
        if not path.exists():
            raise z.RejectedError(f"there is no page {path.name}", status=404)
        return path

    def _pages(self, kind: z.Kind) -> Iterator[tuple[z.Mark, z.Folder | z.TestCase]]:
        for path in sorted((self.folder / kind).glob("*.md")):
            record = record_of(kind, path.stem, path.read_bytes())
            yield z.Mark(kind=kind, key=record.key, target_id=path.stem, name=record.name), record


def page_of(record: z.Record, links: z.Links) -> bytes:
    """Return the page of a record, whose references become the ids that they have here."""

    def number(ref: z.Ref | None) -> str:
        found = links.get(ref) if ref else None
        return found.target_id if found else ""

    if any(links.get(ref) is None for ref in record.parents()):
        raise z.RejectedError("what it belongs to has no page")
    if not isinstance(record, z.Folder | z.TestCase) or not record.name.strip():
        raise z.RejectedError("a page needs a name")
    parts = {"name": f"# {record.name}", "description": record.description}
    if isinstance(record, z.Folder):
        parts |= {"tree": record.tree, "folder": number(record.parent)}
    else:
        parts |= {"folder": number(record.folder), "precondition": record.precondition}
        for step in record.steps:
            parts[f"step {step.key}"] = step.description
            parts[f"data {step.key}"] = step.data
            parts[f"expected {step.key}"] = step.expected
            parts[f"call {step.key}"] = number(step.call.case) if step.call else ""
    if any(SECTION.search(text) for text in parts.values()):
        raise z.RejectedError("a text of it holds a comment, which the page would take for its own")
    return "".join(f"<!-- {name} -->\n{text}\n" for name, text in parts.items()).encode()


def record_of(kind: z.Kind, target_id: str, page: bytes) -> z.Folder | z.TestCase:
    """Return what a page holds, also after somebody edited it."""
    names_and_texts = SECTION.split(page.decode())[1:]
    texts = [text.removesuffix("\n") for text in names_and_texts[1::2]]
    parts = dict(zip(names_and_texts[::2], texts, strict=True))
    key, name, description = unquote(target_id), parts["name"][2:], parts["description"]
    folder = z.Ref(z.Kind.FOLDER, parts["folder"]) if parts["folder"] else None
    if kind is z.Kind.FOLDER:
        tree = z.Tree(parts["tree"])
        return z.Folder(key=key, name=name, description=description, tree=tree, parent=folder)
    steps = tuple(
        z.TestStep(
            key=number,
            description=parts[f"step {number}"],
            data=parts[f"data {number}"],
            expected=parts[f"expected {number}"],
            call=z.Call(case=z.Ref(z.Kind.TEST_CASE, call)) if call else None,
        )
        for number in (each.removeprefix("step ") for each in parts if each.startswith("step "))
        for call in [parts[f"call {number}"]]
    )
    return z.TestCase(
        key=key,
        name=name,
        folder=folder,
        description=description,
        precondition=parts["precondition"],
        steps=steps,
    )


def replace(path: Path, page: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(page)
    part.replace(path)  # whole, or as it was, whenever the power fails


def written(path: Path, page: bytes) -> z.Written:
    steps = [name[5:] for name in SECTION.findall(page.decode()) if name.startswith("step ")]
    return z.Written(
        target_id=path.stem,
        url=path.resolve().as_uri(),
        parts={step: f"{path.stem}/{step}" for step in steps},
        stamp=sha256(page).hexdigest(),
    )


@asynccontextmanager
async def open_pages(config: PagesConfig, services: z.Services) -> AsyncIterator[z.Sink]:
    yield PagesSink(config.path)


@z.hookimpl
def ztoq_sinks() -> Iterable[z.SinkPlugin[PagesConfig]]:
    yield z.SinkPlugin(
        name="pages", summary="Cases as Markdown pages", config=PagesConfig, open=open_pages
    )
