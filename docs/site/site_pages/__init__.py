"""What the site's pages hold besides their text: Markdown that is made of the code.

Each maker fills the places ``<!-- site: NAME -->`` of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from site_pages.command_line import command_line
from site_pages.config_keys import config_keys
from site_pages.contents import contents
from site_pages.contracts import contracts, hooks
from site_pages.messages import by_error, exit_codes

__all__ = ["MAKERS"]

MAKERS: Mapping[str, Callable[[], str]] = {
    "command-line": command_line,
    "config-keys": config_keys,
    "contents": contents,
    "contracts": contracts,
    "exit-codes": exit_codes,
    "hooks": hooks,
    "messages": by_error,
}
