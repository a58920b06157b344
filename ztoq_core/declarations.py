"""Imports one plugin, asks its hooks, and checks what they declare; only ``plugins`` calls it.

Whatever is wrong raises ``PluginError`` with what to change, so that ``ztoq plugins`` can say it.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any, get_type_hints

import attrs
import click
import pluggy
from packaging.requirements import InvalidRequirement, Requirement

from ztoq_core import hookspecs
from ztoq_core.contracts import SinkPlugin, SourcePlugin, TransformerPlugin
from ztoq_core.errors import PluginError, ZtoqError
from ztoq_core.hookspecs import CONTRACT
from ztoq_core.installed import core_version
from ztoq_core.spelling import nearest

Plugin = SourcePlugin[Any] | SinkPlugin[Any] | TransformerPlugin[Any] | click.Command

COMMANDS_HOOK = "ztoq_commands"
HOOKS: Mapping[str, type[Plugin]] = {
    "ztoq_sources": SourcePlugin,
    "ztoq_sinks": SinkPlugin,
    "ztoq_transformers": TransformerPlugin,
    COMMANDS_HOOK: click.Command,
}
LOCAL = "ztoq_local_"
"""What the module's name of a plugin without a package begins with."""

_CORE = "ztoq-core"
_NAME = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")
_MARK = f"{hookspecs.GROUP}_impl"
_UPGRADE = f"this ztoq has contract {CONTRACT}, in {_CORE} {core_version()}: pip install -U {_CORE}"
_NEWER = re.compile(r"cannot import name '\w+' from 'ztoq_core|Plugin\.__init__\(\) got an unexp")
"""What a plugin for a newer contract raises, and one with a misspelt name."""


@attrs.frozen
class Candidate:
    """A plugin that may be loaded: the entry point's name, its package, and how to import it.

    ``hooks`` are those to call: a module named in both groups is asked each of them once. ``entry``
    is the value of the entry point, ``""`` without one.
    """

    name: str
    package: str
    load: Callable[[], object]
    hooks: tuple[str, ...] = tuple(HOOKS)
    entry: str = ""
    distribution: Distribution | None = attrs.field(default=None, eq=False)


def declarations_of(candidate: Candidate) -> list[Plugin]:
    """Return what a plugin declares.

    Raises:
        PluginError: It cannot be imported, or declares something that cannot be used.
    """
    try:
        if candidate.distribution:
            _require_core(candidate.distribution)
        return list(_declared(candidate, candidate.load()))
    except ZtoqError:
        raise
    except pluggy.PluginValidationError as error:
        raise PluginError(" ".join(str(error).split())) from error
    except SystemExit as error:
        raise PluginError(f"it ends the program: sys.exit({error.code!r})") from error
    except Exception as error:  # a plugin may raise anything while it is imported
        text = f"{type(error).__name__}: {error}"
        hint = f" (if the name is right, it needs a newer one; {_UPGRADE})"
        raise PluginError(text + hint * bool(_NEWER.search(text))) from error


def load_file(path: Path) -> object:
    """Import a plugin that is a file, without a package."""
    name = LOCAL + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or not spec or not spec.loader:
        raise PluginError(f"there is no Python file {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its classes look up their annotations there
    spec.loader.exec_module(module)
    return module


def _require_core(distribution: Distribution) -> None:
    """Check the range of versions that the package gives, which an installer may have ignored."""
    for text in distribution.requires or ():
        try:
            needs = Requirement(text)
        except InvalidRequirement:
            continue
        if needs.name.lower().replace("_", "-") != _CORE or needs.marker:
            continue
        if not needs.specifier.contains(core_version(), prereleases=True):
            raise PluginError(f"it needs {needs}, and {_CORE} {core_version()} is installed")


def _declared(candidate: Candidate, module: object) -> Iterator[Plugin]:
    number = getattr(module, "ztoq_contract", CONTRACT)
    if number != CONTRACT:
        way = _UPGRADE if isinstance(number, int) and number > CONTRACT else "upgrade the plugin"
        raise PluginError(f"it needs contract {number!r} of ztoq, this ztoq has {CONTRACT}; {way}")
    _check_hooks(module, candidate.hooks)
    # in a manager of its own, to see only its answers
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=candidate.name)
    manager.check_pending()
    names = []
    for hook in (each for each in candidate.hooks if hasattr(module, each)):
        answers: list[object] = getattr(manager.hook, hook)()
        for plugin in _listed(hook, next(iter(answers), None)):
            _check(plugin)
            names += [plugin.name] * (not isinstance(plugin, TransformerPlugin | click.Command))
            yield plugin
    if candidate.distribution and names and candidate.name not in names:
        raise PluginError(
            f"its entry point is called {candidate.name!r}, and it declares "
            f"{' and '.join(map(repr, names))}: give both the name that the config is to say"
        )


def _check_hooks(module: object, wanted: Iterable[str]) -> None:
    """Check that a module has hooks, and only such as there are, each marked."""
    found = [name for name in dir(module) if name.startswith(f"{hookspecs.GROUP}_")]
    for name in found:
        function = getattr(module, name)
        options = getattr(function, _MARK, None)
        if name in HOOKS and options is None and callable(function):
            raise PluginError(f"{name} is not marked: put @hookimpl (of ztoq_core.plugin) above it")
        if name not in HOOKS and options and not options["optionalhook"]:
            raise PluginError(
                f"unknown hook {name!r}{nearest(name, HOOKS)}; one of a newer contract may be "
                "marked with @hookimpl(optionalhook=True)"
            )
    if not set(wanted) & set(found):
        raise PluginError(f"it declares nothing: it has no hook of {', '.join(wanted)}")


def _listed(hook: str, answer: object) -> Iterator[Any]:
    """Yield what a hook gave, each of the type that it is for."""
    kind = HOOKS[hook]
    due = f"a hook returns a list of {kind.__name__}, or yields them"
    if inspect.iscoroutine(answer) or inspect.isasyncgen(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise PluginError(f"{hook} is declared with async def; {due}")
    if answer is None or isinstance(answer, kind) or not isinstance(answer, Iterable):
        what = "None" if answer is None else f"a {type(answer).__name__}"
        raise PluginError(f"{hook} returns {what}; {due}")
    for each in answer:
        if not isinstance(each, kind):
            raise PluginError(f"{hook} declares {type(each).__name__}, not {kind.__name__}")
        yield each


def _check(plugin: Plugin) -> None:
    """Check the attributes of a declaration."""
    if not isinstance(plugin.name, str) or not _NAME.fullmatch(plugin.name):
        raise PluginError(
            f"the name {plugin.name!r} cannot be used: lower case letters and digits, "
            "joined by '-', '_' or '.'"
        )
    if isinstance(plugin, click.Command):
        return
    if not (inspect.isclass(plugin.config) and attrs.has(plugin.config)):
        raise PluginError(f"the config class of {plugin.name!r} is not an attrs class")
    try:
        get_type_hints(plugin.config)
    except NameError as error:
        raise PluginError(
            f"the config class of {plugin.name!r} has an annotation that means nothing when it "
            f"runs ({error}): import the name, and not under TYPE_CHECKING"
        ) from error
    word = "build" if isinstance(plugin, TransformerPlugin) else "open"
    function: Any = getattr(plugin, word)
    if not callable(function):
        raise PluginError(f"{word} of {plugin.name!r} is {function!r}, not a function")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        way = "it returns the function at once" if word == "build" else "put @asynccontextmanager "
        way += "" if word == "build" else "above it, and yield once"
        raise PluginError(f"{word} of {plugin.name!r} is a plain async def: {way}")
    for pair in plugin.default_for if isinstance(plugin, TransformerPlugin) else ():
        if not isinstance(pair, tuple) or [type(each) for each in pair] != [str, str]:
            raise PluginError(f"default_for of {plugin.name!r} has {pair!r}, not (source, sink)")
        if pair == ("*", "*"):
            raise PluginError(f"default_for of {plugin.name!r} names neither source nor sink")
