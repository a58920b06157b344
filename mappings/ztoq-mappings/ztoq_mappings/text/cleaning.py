"""Cleans HTML, or turns it into text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from urllib.parse import unquote

import nh3
from selectolax.lexbor import LexborHTMLParser, LexborNode

from ztoq_core.plugin import ADDRESS
from ztoq_mappings.pieces import pieces, tag_name


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Froala's own list (its document, options htmlAllowedTags and htmlAllowedStyleProps), less what
# runs, frames or plays; it holds all that 10,871 real texts of Zephyr hold
TAGS = _words(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup"
    " dd del details dfn div dl dt em fieldset figcaption figure font footer h1 h2 h3 h4 h5 h6"
    " header hgroup hr i img input ins kbd label legend li main mark nav ol p pre q rp rt ruby s"
    " samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr"
    " tt u ul var wbr"
)
_DROPPED = frozenset(
    {"script", "style", "iframe", "object", "embed", "noscript", "template", "title"}
)
"""Elements that are removed with their content."""
_EVERYWHERE = _words("align aria-level class content dir id lang spellcheck style title")
_ATTRIBUTES = {
    "a": {"href", "name", "rel", "target"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "details": {"open"},
    "font": {"color", "face", "size"},
    "img": {"alt", "height", "src", "width"},
    "input": {"checked", "disabled", "name", "type", "value"},
    "label": {"for"},
    "li": {"value"},
    "ol": {"reversed", "start", "type"},
    "table": {"border", "cellpadding", "cellspacing", "height", "width"},
    "td": {"colspan", "headers", "height", "nowrap", "rowspan", "valign", "width"},
    "th": {"colspan", "headers", "height", "nowrap", "rowspan", "scope", "valign", "width"},
    "time": {"datetime"},
    "tr": {"height", "valign"},
    "ul": {"type"},
}
_STYLES = _words(
    "background-color border border-bottom border-collapse border-color border-left border-"
    " radius border-right border-spacing border-style border-top border-width clear color"
    " direction display float font font-family font-size font-style font-variant font-weight"
    " height letter-spacing line-height list-style-type margin margin-bottom margin-left"
    " margin-right margin-top max-height max-width min-height min-width opacity overflow"
    " padding padding-bottom padding-left padding-right padding-top table-layout text-align"
    " text-decoration text-indent text-transform unicode-bidi vertical-align white-space width"
    " word-break word-spacing word-wrap"
)
_SCHEMES = {"data", "file", "ftp", "http", "https", "mailto", "tel", "ztoq"}
_LINES = _words(
    "address article aside blockquote caption dd details div dl dt fieldset figure footer"
    " form h1 h2 h3 h4 h5 h6 header hr legend li main nav ol p pre section summary table tr ul"
)
"""Elements on lines of their own."""
_HREF = re.compile(r"\shref\s*=", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_PRE = re.compile(r"(<pre\b[^>]*>\n)(?=\n)", re.IGNORECASE)


def _attribute(_tag: str, name: str, value: str) -> str | None:
    # only a picture may carry its content in its address
    if name == "href" and value.lstrip().lower().startswith("data:"):
        return None
    return value


_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(_DROPPED),
    attributes={"*": set(_EVERYWHERE), **_ATTRIBUTES},
    attribute_filter=_attribute,
    generic_attribute_prefixes={"data-"},
    url_schemes=_SCHEMES,
    filter_style_properties=set(_STYLES),
    link_rel=None,
)


def cleaned(html: str) -> str:
    """Return well-formed HTML without scripts, frames and hidden elements.

    ``html`` holds no lone surrogate.
    """
    if "<" not in html and "&" not in html:
        return html
    # a line break behind <pre> does not count, and the cleaner does not write it again
    return _CLEANER.clean(_PRE.sub(r"\1\n", html))


def unusual(html: str) -> tuple[str, ...]:
    """Return the names of the tags that cleaning removes, sorted."""
    names = {tag_name(tag).removeprefix("/") for tag in pieces(html)[1::2]}
    return tuple(sorted(names - TAGS - {"", "html", "head", "body"}))


def loses_address(before: str, after: str) -> bool:
    """Return whether cleaning removed an address that a browser cannot or must not open."""
    return len(_HREF.findall(after)) < len(_HREF.findall(before))


def only_text(html: str) -> str:
    """Return the text of the HTML as a fragment without tags but ``<br>``.

    Blocks and rows are lines, cells are between bars, items behind a dash or their number; links
    and pictures are named. ``html`` holds no lone surrogate.
    """
    if "<" not in html and "&" not in html:
        return html
    writer = _Writer()
    writer.write(LexborHTMLParser(f"<body>{html}").body)
    lines = [line.strip(" ") for line in "".join(writer.parts).split("\n")]
    return "<br>".join(escape(line, quote=False) for line in _without_gaps(lines))


def _without_gaps(lines: list[str]) -> Iterator[str]:
    """Yield the lines without empty ones at either end, and never two of these in a row."""
    waiting = began = False
    for line in lines:
        if not line:
            waiting = began
            continue
        if waiting:
            yield ""
        waiting, began = False, True
        yield line


class _Writer:
    """Writes the text of a tree, without recursion: texts may be nested to any depth."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._lists: list[int | None] = []  # the number of the last item, None for bullets
        self._pre = 0

    def write(self, root: LexborNode | None) -> None:
        todo = [(root, False)] if root else []
        while todo:
            node, leave = todo.pop()
            if leave:
                self._leave(node)
            elif node.tag == "-text":
                self._text(node.text_content or "")
            elif node.tag not in _DROPPED:
                self._enter(node)
                todo.append((node, True))
                todo += [(child, False) for child in reversed(list(node.iter(include_text=True)))]

    def _text(self, text: str) -> None:
        if self._pre:
            # blanks at the start of a line count here, and only here
            lines = text.split("\n")
            kept = [
                line.replace(" ", "\u00a0", len(line) - len(line.lstrip(" "))) for line in lines
            ]
            self.parts.append("\n".join(kept))
        else:
            self.parts.append(_BLANKS.sub(" ", text))

    def _enter(self, node: LexborNode) -> None:
        attributes = node.attributes
        match node.tag:
            case "br":
                self.parts.append("\n")
            case "hr":
                self._line()
                self.parts.append("---")
            case "img":
                self.parts.append(f"[Picture: {_picture(attributes)}]")
            case "input" if attributes.get("type") == "checkbox":
                self.parts.append("[x] " if "checked" in attributes else "[ ] ")
            case "ul" | "ol":
                self._lists.append(0 if node.tag == "ol" else None)
            case "li":
                self._item()
            case "td" | "th" if node.prev is not None:
                self.parts.append(" | ")
            case "pre":
                self._pre += 1
        if node.tag in _LINES - {"li", "hr"}:
            self._line()

    def _item(self) -> None:
        self._line()
        number = self._lists[-1] if self._lists else None
        mark = "-" if number is None else f"{number + 1}."
        if number is not None:
            self._lists[-1] = number + 1
        self.parts.append("\u00a0\u00a0" * (len(self._lists) - 1) + mark + " ")

    def _leave(self, node: LexborNode) -> None:
        if node.tag == "a":
            href = node.attributes.get("href") or ""
            if href and not href.startswith(ADDRESS) and href not in (node.text() or ""):
                self.parts.append(f" ({href})")
        elif node.tag in {"ul", "ol"}:
            self._lists.pop()
        elif node.tag == "pre":
            self._pre -= 1
        if node.tag in _LINES:
            self._line()

    def _line(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")


def _picture(attributes: Mapping[str, str | None]) -> str:
    if alt := (attributes.get("alt") or "").strip():
        return alt
    src = attributes.get("src") or ""
    bare = "" if src.startswith("data:") else re.split("[?#]", src, maxsplit=1)[0]
    return unquote(bare.rstrip("/").rpartition("/")[2]) or "without a name"
