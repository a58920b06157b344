"""Writes the HTML page: self-contained up to a size, with the further records in files beside it.

A page opened from a disk may not fetch anything, but may load scripts that lie beside it. So the
further records are scripts that hand their rows to the page, loaded when somebody searches.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import attrs
from rich.filesize import decimal

from ztoq_core.convert import show_json
from ztoq_core.errors import ConfigError
from ztoq_core.records import Kind, Level, plain
from ztoq_core.report.data import GROUPS, Report, words
from ztoq_core.report.evidence import Evidence
from ztoq_core.report.files import open_output
from ztoq_core.store import RecordOutcome, State, Store

if TYPE_CHECKING:
    from jinja2 import Template

SourcePage = Callable[[Kind, str], str]
"""Returns the address of a record in the source, for people; empty where there is none."""

INLINE = 2000
"""Records in the page itself."""
CHUNK = 5000
"""Records in each file beside it."""

READING_ORDER = (
    Kind.TEST_CASE,
    Kind.TEST_CYCLE,
    Kind.TEST_PLAN,
    Kind.TEST_RUN,
    Kind.TEST_LOG,
    Kind.ATTACHMENT,
    Kind.REQUIREMENT,
    Kind.FOLDER,
    Kind.FIELD,
)
"""The kinds as people look for them; the page itself holds the first records."""

_CHUNK_NAME = re.compile(r"\d{4}-[0-9a-f]{12}\.js")
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
# what could end a script, or a line of one
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_TONES = (
    ("other", re.compile(r"by rule")),
    ("pass", re.compile(r"pass|^equal")),
    ("fail", re.compile(r"fail|^different")),
    ("block", re.compile(r"block")),
    ("none", re.compile(r"\bun|\bnot\b|\bno run|to ?do|pending")),
)


@attrs.frozen(kw_only=True)
class Page:
    """The page of one store. ``checksums`` are the SHA-256 of files that were written with it."""

    report: Report
    evidence: Evidence
    store: Store
    source_page: SourcePage
    checksums: Mapping[str, str]

    def write(self, output: Path | TextIO) -> dict[str, str]:
        """Write the page; all texts in it are escaped, and it can neither send nor fetch anything.

        Returns:
            The SHA-256 of the files with further records, by their path from the page's folder.

        Raises:
            ConfigError: A file cannot be written there.
        """
        noted = [each for each in self.report.notes if not each.general]
        codes = [(each.level, each.code) for each in noted]
        pack = _Packer(self.source_page, codes)
        records = self.store.outcomes.records(READING_ORDER)
        first = pack.chunk(list(islice(records, INLINE)))
        beside = _write_chunks(output, records, pack) if isinstance(output, Path) else {}
        data = {
            "kinds": [plain(kind) for kind in Kind],
            "states": list(State),
            "codes": [[GROUPS[each.reason.group].name, each.code] for each in noted],
            "total": self.evidence.records,
            "files": list(beside),
            "first": first,
        }
        validation = self.report.validation
        style, script = _asset("report.css"), _asset("report.js")
        page = _template().generate(
            report=self.report,
            evidence=self.evidence,
            contents={each.kind: each for each in validation.contents} if validation else {},
            groups=GROUPS,
            data=script_json(data),
            style=style,
            script=script,
            policy=_policy(style, script, beside=bool(beside)),
            source_page=lambda kind, key: _address(self.source_page(kind, key)),
            checksums={**self.checksums, **beside},
            inline=len(first["rows"]),
        )
        with open_output(output) as file:
            file.writelines(page)
        if isinstance(output, Path):
            _remove_others(_folder(output), set(beside))
        return beside


def script_json(value: object) -> str:
    """Return JSON that may stand within a script: it cannot end it."""
    return show_json(value).translate(_ESCAPES)


class _Packer:
    """Makes the rows of a chunk. Texts, which repeat, and beginnings of addresses are kept once."""

    def __init__(self, source_page: SourcePage, codes: Sequence[tuple[Level, str]]) -> None:
        self._source_page = source_page
        self._codes = {code: place for place, code in enumerate(codes)}
        self._kinds = {kind: place for place, kind in enumerate(Kind)}
        self._states = {state: place for place, state in enumerate(State)}

    def chunk(self, records: Sequence[RecordOutcome]) -> dict[str, Any]:
        texts: dict[str, int] = {"": 0}
        rows: list[list[Any]] = []
        sources: dict[str, list[str]] = {}
        targets: dict[str, list[str]] = {}
        for each in records:
            source = _address(self._source_page(each.kind, each.key))
            target = _address(each.url)
            sources.setdefault(each.kind, []).append(source)
            targets.setdefault(each.kind, []).append(target)
            notes = [
                [self._codes[note.level, note.code], texts.setdefault(note.text, len(texts))]
                for note in each.notes
                if (note.level, note.code) in self._codes  # else it was noted meanwhile
            ]
            rows.append(
                [
                    self._kinds[each.kind],
                    each.key,
                    each.title,
                    self._states[each.state],
                    each.pid or each.target_id,
                    source,
                    target,
                    texts.setdefault(each.reason, len(texts)),
                    notes,
                    each.status,
                    each.target_status,
                ]
            )
        starts = [
            [_common_start(side.get(kind, [])) for side in (sources, targets)] for kind in Kind
        ]
        for row in rows:
            for place, start in zip((5, 6), starts[row[0]], strict=True):
                row[place] = row[place][len(start) :] if row[place] else 0
        return {"texts": list(texts), "starts": starts, "rows": rows}


def _common_start(texts: Sequence[str]) -> str:
    """Return how all texts begin, but for empty ones."""
    some = [each for each in texts if each]
    first, last = min(some, default=""), max(some, default="")
    length = 0
    while length < len(first) and first[length] == last[length]:
        length += 1
    return first[:length]


def _write_chunks(page: Path, records: Iterator[RecordOutcome], pack: _Packer) -> dict[str, str]:
    folder = _folder(page)
    written: dict[str, str] = {}
    while some := list(islice(records, CHUNK)):
        if folder.is_symlink():
            raise ConfigError(f"cannot write the report {str(folder)!r}: it is a symbolic link")
        text = f"ztoqRecords({script_json(pack.chunk(some))});\n"
        digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
        name = f"{len(written) + 1:04d}-{digest[:12]}.js"
        with open_output(folder / name) as file:
            file.write(text)
        written[f"{folder.name}/{name}"] = digest
    return written


def _folder(page: Path) -> Path:
    return page.with_name(f"{page.stem}-records")


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Remove the files of an earlier page, which nobody refers to any more."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        if _CHUNK_NAME.fullmatch(path.name) and f"{folder.name}/{path.name}" not in kept:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _policy(style: str, script: str, *, beside: bool) -> str:
    """Return what a browser lets the page do: run and show what was written, and nothing else."""
    more = " 'self' file:" if beside else ""
    return (
        f"default-src 'none'; script-src {_hash(script)}{more}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (files("ztoq_core") / "report" / "templates" / name).read_text("utf-8")


@cache  # compiling the template takes 0.15 s of CPU; an embedder may write many reports
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ztoq_core", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "address": _address,
        "number": "{:,}".format,
        "segments": _segments,
        "signed": lambda number: f"{number:+,}".replace("-", "\N{MINUS SIGN}"),
        "size": decimal,
        "span": _span,
        "tone": _tone,
        "tones": lambda counts: [(_tone(name), count) for name, count in counts.most_common()],
        "when": _when,
        "words": words,
    }
    return environment.get_template("report.html")


def _address(url: str) -> str:
    """Return an address that a link may have: of a web page, nothing that runs."""
    return url if _ADDRESS.match(url) else ""


def _segments(parts: Sequence[tuple[str, int]]) -> Iterator[tuple[str, float, float]]:
    """Yield name, start and width of each part of a bar that is 100 wide."""
    total = sum(number for _, number in parts) or 1
    start = 0.0
    for name, number in parts:
        width = 100 * number / total
        if number:
            yield name, round(start, 3), round(width, 3)
        start += width


def _tone(status: str) -> str:
    """Return the colour of an execution's status, or of a comparison's result, by its name."""
    name = status.casefold()
    return next((tone for tone, pattern in _TONES if pattern.search(name)), "other")


def _when(moment: datetime | None) -> str:
    """Return a time for people; a time without a zone is UTC, as in the store."""
    if moment is None:
        return "-"
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%d %H:%M:%S} UTC"


def _span(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
