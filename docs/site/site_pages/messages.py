"""Exit codes, errors and messages, from the classes and from the lines that raise them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import attrs

from site_pages.markdown import one_line, prose, table
from ztoq_core import errors

PACKAGES = ("ztoq_core", "ztoq_zephyr", "ztoq_qtest", "ztoq_files", "ztoq_mappings")
ERRORS = {
    name: each
    for name in errors.__all__
    if isinstance(each := getattr(errors, name), type) and issubclass(each, errors.ZtoqError)
}
GAP = "…"
SHORTEST = 3
"""Words that a message needs of its own: with fewer, all of it is filled in when it is raised."""


@attrs.frozen(order=True)
class Message:
    """A message with gaps for what is filled in, the class of its error, and who raises it."""

    text: str
    error: str
    package: str


@cache
def messages() -> tuple[Message, ...]:
    """Return the messages that the code raises, each once for a class and package."""
    found: set[Message] = set()
    for package in PACKAGES:
        spec = find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            for path in Path(folder).rglob("*.py"):
                for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                    if isinstance(node, ast.Call):
                        found |= set(_made(node, package.replace("_", "-")))
    return tuple(sorted(found, key=lambda each: (each.text.lstrip(f"{GAP}: '").lower(), each)))


def _made(call: ast.Call, package: str) -> Iterator[Message]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ERRORS and call.args:
        text = one_line(_text(call.args[0]))
        if len(text.replace(GAP, " ").split()) >= SHORTEST:
            yield Message(text, name, package)


def _text(node: ast.expr) -> str:
    """Return a text as far as it is written out."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return GAP


def exit_codes() -> str:
    """Return a table of the exit codes, with the errors that end a command with each."""
    rows = []
    for code in errors.Exit:
        raised = [f"`{name}`" for name, each in ERRORS.items() if each.exit_code is code]
        rows.append((str(int(code)), f"`Exit.{code.name}`", ", ".join(raised)))
    return table(("code", "in programs", "errors that end with it"), *rows)


def by_error() -> str:
    """Return a section for each error: what it means and the messages that it has."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for each in messages():
        found[each.error][each.text].append(f"`{each.package}`")
    parts = []
    for name, cls in ERRORS.items():
        if name in found:
            rows = [(text, ", ".join(packages)) for text, packages in found[name].items()]
            parts.append(f"### {name}\n\n{prose(cls.__doc__)}\n\nExit code {int(cls.exit_code)}.\n")
            parts.append(table(("message", "from"), *rows))
    return "\n".join(parts)
