"""Reads HTML that Zephyr's editor wrote: pictures that it had not loaded, links of Zephyr Server.

Both were seen in texts of real projects. All else stays as it is, byte for byte.
"""

from __future__ import annotations

import re
from typing import Any

from ztoq_zephyr.values import text

_IMAGE = re.compile(r"<img\b[^<>]*+>", re.IGNORECASE)
_ATTRIBUTE = r"""(?<=[\s"'/])%s\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^\s"'>]+)"""
_SRC = re.compile(_ATTRIBUTE % "src", re.IGNORECASE)
_DATA_SRC = re.compile(_ATTRIBUTE % "data-src", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"unavailable-image[^/\s]*\.svg", re.IGNORECASE)
_SERVER_CYCLE = re.compile(r"(/testCycle/[A-Z][A-Z0-9_]*-)C([1-9]\d*)")


def rich(value: Any) -> str:
    """Return a text of HTML as ``values.text``, with addresses that lead somewhere.

    Where ``src`` is the editor's placeholder, ``data-src`` holds the picture. The keys of cycles
    ended with ``-C114`` on Server and do with ``-R114`` since the move to Cloud.
    """
    html = text(value)
    if "data-src" in html.lower():
        html = _IMAGE.sub(_with_picture, html)
    return _SERVER_CYCLE.sub(r"\1R\2", html) if "/testCycle/" in html else html


def _with_picture(tag: re.Match[str]) -> str:
    shown, real = _SRC.search(tag[0]), _DATA_SRC.search(tag[0])
    if real is None or (shown and not _PLACEHOLDER.search(shown["value"])):
        return tag[0]
    if shown is None:
        return f"<img src={real['value']}{tag[0][4:]}"
    return tag[0][: shown.start("value")] + real["value"] + tag[0][shown.end("value") :]
