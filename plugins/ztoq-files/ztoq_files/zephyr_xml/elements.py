"""Reads XML into elements that know their line, without ever following what it declares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler

import attrs
from defusedxml import sax
from defusedxml.common import (
    DefusedXmlException,
)

from ztoq_core.plugin import ConfigError
from ztoq_files.disk import on_disk

MOST_BYTES = 512 * 2**20
DEEPEST = 50


@attrs.define
class Element:
    """An element; ``text`` is its own, without that of its children.

    ``taken``: somebody read it, so that what nobody reads can be named.
    """

    tag: str
    line: int
    attributes: dict[str, str]
    children: list[Element] = attrs.field(factory=list)
    pieces: list[str] = attrs.field(factory=list)
    taken: bool = False

    @property
    def text(self) -> str:
        """The text without the blanks around it."""
        return "".join(self.pieces).strip()

    def child(self, tag: str) -> Element | None:
        """Return the first child of that name, and take it."""
        return next(self.all(tag), None)

    def all(self, tag: str) -> Iterator[Element]:
        """Yield the children of that name, and take them."""
        for each in self.children:
            if each.tag == tag:
                each.taken = True
                yield each

    def string(self, tag: str) -> str:
        """Return the text of a child, ``""`` if there is none."""
        found = self.child(tag)
        return found.text if found else ""

    def untaken(self) -> Iterator[Element]:
        """Yield the elements below that have something in them and that nobody read."""
        for each in self.children:
            if each.taken:
                yield from each.untaken()
            elif each.text or each.children or each.attributes:
                yield each

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        value: dict[str, Any] = {"tag": self.tag}
        if self.attributes:
            value["attributes"] = self.attributes
        if self.text:
            value["text"] = self.text
        if self.children:
            value["children"] = [each.plain() for each in self.children]
        return value


class _Builder(ContentHandler):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._open: list[Element] = []
        self.root: Element | None = None

    @property
    def line(self) -> int:
        locator: Any = self._locator  # type: ignore[attr-defined]  # set by the parser
        return int(locator.getLineNumber())

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 - SAX
        element = Element(name, self.line, dict(attrs.items()))
        if len(self._open) == DEEPEST:
            raise ConfigError(f"{self._path}: line {self.line}: elements nest too deep")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802 - SAX
        self._open.pop()

    def characters(self, content: str) -> None:
        self._open[-1].pieces.append(content)


def parse(path: Path) -> Element:
    """Return the root element of an XML file.

    Raises:
        ConfigError: It cannot be read, is too large, is not XML, or declares entities.
    """
    if not path.is_file():
        raise ConfigError(f"there is no file {str(path)!r}")
    builder = _Builder(path)
    parser = sax.make_parser()
    parser.setContentHandler(builder)
    try:
        with on_disk(path, "read"), path.open("rb") as file:
            if path.stat().st_size > MOST_BYTES:
                raise ConfigError(f"{path}: a file of more than {MOST_BYTES:,} bytes is not read")
            parser.parse(file)
    except SAXParseException as error:
        raise ConfigError(
            f"{path}: line {error.getLineNumber()}: it is not XML ({error.getMessage()})"
        ) from error
    except DefusedXmlException as error:
        raise ConfigError(
            f"{path}: it declares entities of XML, which no export has; it is not read"
        ) from error
    if builder.root is None:
        raise ConfigError(f"{path}: it is empty")
    return builder.root
