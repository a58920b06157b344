"""Templates: a text with the names of fields in braces, ``{Browser} on {@environment}``.

A test manager can read them without knowing a language, and nothing in them is executed. Two braces
mean one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@attrs.frozen
class Template:
    """Texts and names of fields in turn; a text comes first and last."""

    texts: tuple[str, ...]
    names: tuple[str, ...]

    def filled(self, read: Callable[[str], str]) -> str:
        """Return the text with the values of ``read``, ``""`` if all are empty."""
        values = [read(name) for name in self.names]
        if not any(values):
            return ""
        return self.texts[0] + "".join(
            value + text for value, text in zip(values, self.texts[1:], strict=True)
        )


def template(text: str) -> Template:
    """Parse a template.

    Raises:
        ValueError: A brace has no partner, or no field is named.
    """
    texts, names, end = [""], [], 0
    for part in _PART.finditer(text):
        texts[-1] += text[end : part.start()]
        end = part.end()
        if part.group() in ("{{", "}}"):
            texts[-1] += part.group()[0]
        elif not part.group(1):
            raise ValueError(
                f"{text!r} has a brace without its other or without a name;"
                " for a brace itself write it twice"
            )
        else:
            names.append(part.group(1))
            texts.append("")
    texts[-1] += text[end:]
    if not names:
        raise ValueError(
            f"{text!r} names no field in braces; for a fixed value there is 'constant'"
        )
    return Template(tuple(texts), tuple(names))
