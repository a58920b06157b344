"""What the site's pages hold besides their text: Markdown that is made of the code.

Each maker fills the places ``<!-- site: NAME -->`` of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from site_pages.contents import contents

__all__ = ["MAKERS"]

MAKERS: Mapping[str, Callable[[], str]] = {
    "contents": contents,
}
