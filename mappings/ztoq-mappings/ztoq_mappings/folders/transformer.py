"""The transformer ``folders``.

A transformer sees one record at a time and never the whole tree, so it cannot know the key of the
folder at a path. Folders that only get other names keep their keys. If some move (``strip``,
``depth``, a new path, two that become one), the tree is rebuilt from paths: then the key of a
folder depends on its path alone, and it is a companion of the records in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import attrs

from ztoq_core.plugin import (
    ConfigError,
    Finding,
    Folder,
    Record,
    Schema,
    Skip,
    TestCase,
    TestCycle,
    Transform,
    TransformContext,
    Tree,
    closest,
    nearest,
)
from ztoq_mappings.folders.patterns import Pattern

LIKELY = 0.75
"""The likeness from which a path that the source does not have counts as misspelt."""

Path = tuple[str, ...]
Move = Callable[[Path], Path]


@attrs.frozen(kw_only=True)
class Options:
    """The ``[[transform]]`` table with ``use = "folders"``.

    Paths are the source's, written ``A/B/C``. ``include`` and ``exclude`` are patterns; what is not
    included, or is excluded, is left out. ``rename`` maps old paths to new ones (folders in them
    follow), ``strip`` is a path that is removed from the beginning of others, ``depth`` is the most
    folders around anything. ``trees`` are the trees to change. ``rebuild`` builds the tree from
    paths even if nothing moves, so that folders with equal paths become one.
    """

    trees: tuple[Tree, ...] = (Tree.CASES, Tree.CYCLES)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rename: dict[str, str] = attrs.field(factory=dict)
    strip: str = ""
    depth: int | None = None
    rebuild: bool = False


def build(options: Options, context: TransformContext) -> Transform:
    """Return the transform.

    Raises:
        ConfigError: An option cannot be used, or names a folder that is not there while there is
            one of nearly that path; a line for each.
    """
    _check(options)
    if wrong := [each.text for each in _missing(options, context.source) if each.level == "error"]:
        raise ConfigError("\n".join(wrong))
    project = str(getattr(context.source_config, "project", "") or "")
    chosen = _Choice(options)
    move = _move(options)
    rebuilt = _moves(options)

    def transform(record: Record) -> Record:
        if isinstance(record, Folder):
            return _folder(record) if record.tree in options.trees else record
        if isinstance(record, TestCase) and Tree.CASES in options.trees:
            # those of other projects and stubs are in folders of their own
            return record if record.project or record.gone else _within(record, Tree.CASES)
        if isinstance(record, TestCycle) and Tree.CYCLES in options.trees:
            return _within(record, Tree.CYCLES)
        return record

    def _folder(folder: Folder) -> Folder:
        path = (*folder.path, folder.name)
        chosen.demand(path, folder=True)
        if rebuilt:
            raise Skip("folders are rebuilt from the paths of what is in them")
        moved = move(path)
        return attrs.evolve(folder, name=moved[-1], path=moved[:-1])

    def _within(record: TestCase | TestCycle, tree: Tree) -> Record:
        chosen.demand(record.path, folder=False)
        path = move(record.path)
        if not rebuilt:
            return attrs.evolve(record, path=path)
        home = project or record.key.rpartition("-")[0]
        folders = _chain(path, tree, home)
        return attrs.evolve(
            record,
            path=path,
            folder=folders[-1].ref if folders else None,
            companions=(*record.companions, *folders),
        )

    return transform


def check(options: Options, source: Schema, _: Schema) -> tuple[Finding, ...]:
    """Return the paths and patterns of the options that no folder has. Raises as ``build``."""
    _check(options)
    return tuple(_missing(options, source))


def _missing(options: Options, source: Schema) -> Iterator[Finding]:
    if source.folders is None:
        return
    known = sorted({path for tree, path in source.folders if tree in options.trees})
    named = [("rename", path.strip("/")) for path in options.rename]
    named += [("strip", options.strip.strip("/"))] if options.strip.strip("/") else []
    for option, path in named:
        if path not in known:
            near = closest(path, known, LIKELY)
            said = f"folders: {option}: there is no folder {path!r}{nearest(path, known)}"
            yield Finding(level="error" if near else "warning", text=said)
    for option, patterns in (("include", options.include), ("exclude", options.exclude)):
        for text in patterns:
            pattern = Pattern.of(text)
            if pattern.parts and not any(pattern.matches(tuple(p.split("/"))) for p in known):
                yield Finding(
                    level="warning", text=f"folders: {option}: {text!r} matches no folder"
                )


def _chain(path: Path, tree: Tree, home: str) -> tuple[Folder, ...]:
    """Return the folders of a path, outermost first."""
    found: list[Folder] = []
    for place, name in enumerate(path):
        around = path[:place]
        # no name has U+0000 in it
        whole = "\x00".join((*around, name)).encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(whole).hexdigest()[:16]
        found.append(
            Folder(
                key=f"{home}-F-{tree}-{digest}",
                name=name,
                tree=tree,
                parent=found[-1].ref if found else None,
                path=around,
            )
        )
    return tuple(found)


# ---------------------------------------------------------------------------------------- choosing


class _Choice:
    def __init__(self, options: Options) -> None:
        self._include = tuple(map(Pattern.of, options.include))
        self._exclude = tuple(map(Pattern.of, options.exclude))

    def demand(self, path: Path, *, folder: bool) -> None:
        """Raise Skip for what is left out; a folder stays if one in it may stay."""
        shown = "/".join(path)
        if any(pattern.matches(path) for pattern in self._exclude):
            raise Skip(f"the folder {shown!r} is excluded")
        if not self._include or any(pattern.matches(path) for pattern in self._include):
            return
        if not (folder and any(pattern.may_match_in(path) for pattern in self._include)):
            raise Skip(f"the folder {shown!r} is not included")


# ------------------------------------------------------------------------------------------ moving


def _move(options: Options) -> Move:
    renames = _renames(options.rename)
    strip = Pattern.of(options.strip).parts

    def move(path: Path) -> Path:
        # the longest renamed path wins: it is the folder nearest to the record
        for length in range(len(path), 0, -1):
            if (new := renames.get("/".join(path[:length]))) is not None:
                path = (*new, *path[length:])
                break
        if strip and path[: len(strip)] == strip:
            path = path[len(strip) :]
        return path[: options.depth]

    return move


def _renames(rename: Mapping[str, str]) -> Mapping[str, Path]:
    return {old.strip("/"): Pattern.of(new).parts for old, new in rename.items()}


def _moves(options: Options) -> bool:
    """Return whether any folder moves, and is not only renamed."""
    if options.rebuild or options.strip.strip("/") or options.depth is not None:
        return True
    move = _move(options)
    renames = _renames(options.rename)
    return len(set(renames.values())) < len(renames) or any(
        not new or new[:-1] != move(tuple(old.split("/")[:-1])) for old, new in renames.items()
    )


def _check(options: Options) -> None:
    if options.depth is not None and options.depth < 1:
        raise ConfigError(f"folders: depth = {options.depth} is less than 1")
    if Tree.PLANS in options.trees:
        raise ConfigError("folders: trees takes 'cases' and 'cycles'; plans are not in folders")
    renames = _renames(options.rename)
    if "" in renames or len(renames) < len(options.rename):
        raise ConfigError("folders: rename has an empty path, or a path twice")
