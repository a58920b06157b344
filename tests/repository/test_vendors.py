"""The core knows no product: what Zephyr, Jira and qTest do is in their plugins."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENDOR = re.compile(r"zephyr|jira|atlassian|qtest|smartbear|tricentis", re.IGNORECASE)

ALLOWED = {
    "cli/commands/plugins.py": "names packages to install where there is none",
    "settings/secrets.py": "an example of a variable's name in a message",
}
"""Files of the core with a vendor's word in their code, each with the reason."""


def _code(source: str) -> Iterator[str]:
    """Yield the names, strings and comments of a module, without its docstrings.

    A string that stands alone is a docstring, of an attribute too.
    """
    alone = {
        (each.lineno, each.col_offset)
        for each in ast.walk(ast.parse(source))
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
    }
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.start not in alone:
            yield token.string


def test_no_code_of_the_core_names_a_vendor() -> None:
    found = {
        path.relative_to(ROOT / "ztoq_core").as_posix()
        for path in (ROOT / "ztoq_core").rglob("*.py")
        if any(map(VENDOR.search, _code(path.read_text("utf-8"))))
    }
    assert found == set(ALLOWED)


def test_docstrings_may_name_a_vendor_and_code_may_not() -> None:
    source = '"""Of Zephyr."""\nQTEST = 1\n"""As qTest does."""\nfind("jira")  # Atlassian\n'
    assert [each for each in _code(source) if VENDOR.search(each)] == [
        "QTEST",
        '"jira"',
        "# Atlassian",
    ]
