"""What a person reads in an HTML fragment, and what it points at."""

from __future__ import annotations

from html.parser import HTMLParser

BREAKS = frozenset(
    (
        *("blockquote", "br", "dd", "div", "dl", "dt", "hr", "li", "ol", "p", "pre", "ul"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "table", "tbody", "td", "th", "thead", "tr"),
    )
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.addresses: list[str] = []
        self.pictures: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BREAKS:
            self.parts.append(" ")
        for name, value in attrs:
            if value and value.lower().startswith(("http://", "https://")):
                if (tag, name) == ("a", "href"):
                    self.addresses.append(value.strip())
                elif (tag, name) == ("img", "src"):
                    self.pictures.append(value.strip())

    def handle_endtag(self, tag: str) -> None:
        if tag in BREAKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _read(fragment: str) -> _Reader:
    reader = _Reader()
    reader.feed(fragment)
    reader.close()
    return reader


def text(fragment: str | None) -> str:
    """Return the text of an HTML fragment with each run of white space as one space."""
    return " ".join("".join(_read(fragment or "").parts).split())


def addresses(fragment: str | None) -> list[str]:
    """Return the web addresses of the links of a fragment, in order."""
    return _read(fragment or "").addresses


def pictures(fragment: str | None) -> list[str]:
    """Return the web addresses of the pictures of a fragment, in order."""
    return _read(fragment or "").pictures
