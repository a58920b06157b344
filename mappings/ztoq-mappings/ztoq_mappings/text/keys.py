"""Turns keys in texts and links to Zephyr's pages into links to what was migrated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape, unescape

from ztoq_core.plugin import Kind, Ref
from ztoq_mappings.pieces import pieces, tag_name

_KINDS: Mapping[str, Kind] = {
    "T": Kind.TEST_CASE,
    "P": Kind.TEST_PLAN,
    "R": Kind.TEST_CYCLE,
    "E": Kind.TEST_LOG,
}
"""The letter of a key (Zephyr Scale Cloud v2 document, patterns of the key parameters)."""

_CLOSED = frozenset({"a", "code", "pre", "script", "style", "textarea", "title"})
"""Elements whose text is left alone."""

# a pair of quotes, or none, with the value between them
_HREF = re.compile(r"""(\shref\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>][^\s>]*)""", re.IGNORECASE)


class Keys:
    """Finds the keys of some projects in texts."""

    def __init__(self, projects: Iterable[str]) -> None:
        """Take keys of these projects only, such as ``ACME``."""
        names = "|".join(re.escape(project) for project in projects)
        key = rf"(?:{names})-[TPRE][1-9][0-9]*"
        # an address is read as a whole, so that no key is found inside
        self._words = re.compile(
            rf"(?P<url>https?://[^\s<>\"']+)|(?<![\w-])(?P<key>{key})(?![\w-])", re.IGNORECASE
        )
        self._exact = re.compile(key)
        # .../secure/Tests.jspa#/testCase/KEY on Server, where such links are seen in texts.
        # guess: the other kinds, and the pages of Cloud (#!/testCase/KEY, #!/v2/testCase/KEY), by
        # the same words
        self._page = re.compile(
            rf"https?://[^\s\"'<>]*/(?:testCase|testPlan|testCycle|testRun|testPlayer|testExecution)"
            rf"(?:/[A-Za-z]+)*/(?P<key>{key})(?:[/?#&][^\s\"'<>]*)?",
            re.IGNORECASE,
        )

    def linked(self, html: str, own: Ref) -> tuple[str, tuple[Ref, ...], bool]:
        """Return the text with links, their targets, and whether a link was Zephyr's.

        The key of the record itself (``own``) needs no link. Links, code, preformatted text and
        attributes but ``href`` stay as they are.
        """
        found: dict[Ref, None] = {}
        pages = False
        parts = pieces(html)
        closed: list[str] = []
        for place, part in enumerate(parts):
            if place % 2:
                name = tag_name(part)
                if name in _CLOSED:
                    closed.append(name)
                elif name[:1] == "/" and name[1:] in closed:
                    while closed.pop() != name[1:]:
                        pass
                if name == "a" and (ref := self._page_of(part)):
                    parts[place] = _HREF.sub(rf'\g<1>"{escape(ref.address)}"', part, count=1)
                    found[ref], pages = None, True
            elif not closed and part:
                parts[place] = self._words.sub(lambda match: self._link(match, own, found), part)
        return "".join(parts), tuple(found), pages

    def _link(self, match: re.Match[str], own: Ref, found: dict[Ref, None]) -> str:
        words = match[0]
        if match["url"]:
            # the end of a sentence is not part of it; a semicolon may end a character reference
            words = words.rstrip(".,:!?)" if "&" in words else ".,:;!?)")
            page = self._page.fullmatch(unescape(words))
            key = page["key"] if page else ""
        else:
            key = match["key"]
        ref = self._ref(key)
        if ref is None or ref == own:
            return match[0]
        found[ref] = None
        return f'<a href="{escape(ref.address)}">{words}</a>{match[0][len(words) :]}'

    def _page_of(self, tag: str) -> Ref | None:
        href = _HREF.search(tag)
        if href is None:
            return None
        page = self._page.fullmatch(unescape(href[2].strip("\"'")).strip())
        return self._ref(page["key"]) if page else None

    def _ref(self, key: str) -> Ref | None:
        # words are found in either case for the sake of addresses; keys have capital letters
        if not self._exact.fullmatch(key):
            return None
        return Ref(_KINDS[key.rpartition("-")[2][0]], key)
