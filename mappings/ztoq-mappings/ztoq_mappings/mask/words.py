"""Replaces words by made-up ones: the same word always by the same one, under a seed."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ztoq_core.plugin import (
    ADDRESS,
    User,
    folded,
)

_LONGEST_EXTENSION = 5
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_SCRIPTS = {
    "ARABIC": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "CJK": "".join(map(chr, range(0x4E00, 0x4E80))),
    "CYRILLIC": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "DEVANAGARI": "".join(map(chr, range(0x0915, 0x0939))),
    "GREEK": "αβγδεζηθικλμνξοπρστυφχψω",
    "HANGUL": "".join(map(chr, range(0xAC00, 0xAC80))),
    "HEBREW": "אבגדהוזחטיכלמנסעפצקרשת",
    "HIRAGANA": "".join(map(chr, range(0x3042, 0x3083))),
    "KATAKANA": "".join(map(chr, range(0x30A2, 0x30E3))),
}
"""Letters replace letters of the same script, so that texts keep their form; Latin for others."""
_PATH = "/:@!$&'()*+,;=~"


class Words:
    """Replaces words, addresses and people; the same input gives the same output."""

    def __init__(self, seed: str, projects: Iterable[str], users: Iterable[User]) -> None:
        """Leave keys of these projects as they are; users are known by id, e-mail and name."""
        self._seed = seed.encode("utf-8", "surrogatepass")
        names = "|".join(map(re.escape, projects))
        key = rf"(?<![\w-])(?:{names})-[TPRE][0-9]+(?![\w-])" if names else r"(?!)"
        self._parts = re.compile(
            rf"(?P<url>https?://[^\s<>\"']+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)*)"
            rf"|(?P<key>{key})|[^\W_]+",
            re.IGNORECASE,
        )
        # an address may contain another one, to any depth
        self._bare_parts = re.compile(rf"(?P<key>{key})|[^\W_]+", re.IGNORECASE)
        self._people = {
            folded(name): user.id
            for user in users
            for name in (user.name, user.email, user.id)
            if name.strip()
        }
        self._word = lru_cache(maxsize=65_536)(self._made_up)

    def text(self, text: str) -> str:
        """Return a plain text with other letters and digits; all else stays, and so do keys."""
        return self._parts.sub(self._part, text)

    def person(self, person: str) -> str:
        """Return the pseudonym of a person: one for all names, an e-mail for an e-mail."""
        if not person.strip():
            return person
        known = self._people.get(folded(person), folded(person))
        alias = f"person-{self._digest(f'person {known}').hex()[:8]}"
        return f"{alias}@example.com" if "@" in person else alias

    def file_name(self, name: str) -> str:
        """Return another name with the same extension."""
        stem, dot, extension = name.rpartition(".")
        if stem and 0 < len(extension) <= _LONGEST_EXTENSION and extension.isalnum():
            return f"{self.text(stem)}{dot}{extension}"
        return self.text(name)

    def address(self, url: str) -> str:
        """Return another address of the same scheme; credentials in it go.

        What it says stays where it is no address of anybody: ``ztoq:`` ones, contents (``data:``).
        """
        lower = url.lower()
        if lower.startswith((ADDRESS, "data:")):
            return url
        if lower.startswith("mailto:"):
            return url[:7] + self.person(unquote(url[7:]).partition("?")[0])
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:  # services have malformed ones
            return self._bare(url)
        if parts.scheme not in {"", "http", "https", "ftp", "file"}:
            return self._bare(url)
        where = f"h{self._digest(f'host {host}').hex()[:8]}.example" if host else ""
        if where and port:
            where += f":{port}"
        rest = (self._quoted(part) for part in (parts.path, parts.query, parts.fragment))
        return urlunsplit((parts.scheme, where, *rest))

    def _quoted(self, part: str) -> str:
        return quote(self._bare(unquote(part)), safe=_PATH + "?", errors="replace")

    def _bare(self, text: str) -> str:
        return self._bare_parts.sub(
            lambda match: match[0] if match["key"] else self._word(match[0]), text
        )

    def _part(self, match: re.Match[str]) -> str:
        if match["url"]:
            return self.address(match["url"])
        if match["mail"]:
            return self.person(match["mail"])
        return match[0] if match["key"] else self._word(match[0])

    def _digest(self, what: str) -> bytes:
        return hmac.digest(self._seed, what.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def _made_up(self, word: str) -> str:
        low = [_low(letter) for letter in word]
        chance = self._bytes("".join(low))
        return "".join(
            _other(letter, small, next(chance)) for letter, small in zip(word, low, strict=True)
        )

    def _bytes(self, word: str) -> Iterator[int]:
        block = self._digest(f"word {word}")
        while True:
            yield from block
            block = hmac.digest(self._seed, block, hashlib.sha256)


def _low(letter: str) -> str:
    low = letter.lower()
    return low if len(low) == 1 else letter


def _other(letter: str, low: str, chance: int) -> str:
    """Return another letter of the same script and case, another digit, or what is neither."""
    if letter.isdecimal():
        digit = unicodedata.decimal(letter)
        return chr(ord(letter) - digit + (digit + 1 + chance % 9) % 10)
    if not letter.isalpha():
        return letter
    alphabet = _SCRIPTS.get(unicodedata.name(low, "").partition(" ")[0], _LATIN)
    place = alphabet.find(low)
    size = len(alphabet)
    # never the same letter
    new = alphabet[(place + 1 + chance % (size - 1)) % size if place >= 0 else chance % size]
    return new.upper() if letter.isupper() else new
