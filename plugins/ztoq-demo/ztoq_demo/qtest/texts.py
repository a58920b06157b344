"""Times and rich texts as the product reads and writes them."""

from __future__ import annotations

import html
import re
from datetime import datetime, timezone

import nh3

# the forms that captures show; whole seconds (facts section 7 and 3)
TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
PARAMETER = re.compile(r"\[~([^\[\]\n]+)\]")
TAG = re.compile(r"<[^>]*>")
BREAK = re.compile(r"<br\s*>")


def parse_time(text: object) -> int | None:
    """Return the instant in seconds since 1970, None for what is no ISO time with an offset."""
    if not isinstance(text, str) or not (match := TIME.fullmatch(text)):
        return None
    date, clock, _, offset = match.groups()
    try:
        return int(datetime.fromisoformat(f"{date}T{clock}{offset}").timestamp())
    except (ValueError, OverflowError):
        return None


def has_fraction(text: object) -> bool:
    """Return whether a time has fractional seconds."""
    match = TIME.fullmatch(text) if isinstance(text, str) else None
    return bool(match and match.group(3))


def show_time(instant: int, zone: timezone) -> str:
    """Return an instant as captures show it: whole seconds, the site's offset."""
    return datetime.fromtimestamp(instant, zone).isoformat()


def plain(text: str) -> str:
    """Return the text of an HTML."""
    return html.unescape(TAG.sub("", text)) if "<" in text or "&" in text else text


def cleaned(text: str) -> str:
    """Return what a server that cleans HTML keeps: tags that it does not know are gone."""
    return nh3.clean(text, url_schemes=nh3.ALLOWED_URL_SCHEMES | {"data"})


def normal_html(text: str) -> str:
    """Return another HTML of the same content, as a server's sanitiser leaves it.

    Captures show apostrophes as ``&#39;`` (``htmlText`` in facts section 11). guess: XHTML breaks.
    """
    if "<" not in text:
        return text.replace("'", "&#39;")
    parts = re.split(r"(<[^>]*>)", BREAK.sub("<br />", text))
    return "".join(p if p.startswith("<") else p.replace("'", "&#39;") for p in parts)


def parameters(text: str) -> list[str]:
    """Return the names of the parameters that a step's text makes (facts section 5).

    guess: a server that cleans HTML also finds them where a character is written as an entity.
    """
    if "[" not in text and "&" not in text:
        return []
    return PARAMETER.findall(html.unescape(text))
