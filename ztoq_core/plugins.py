"""Finds the installed plugins, checks what they declare, and returns them by name.

The only caller of pluggy. A plugin is a module named by an entry point in the group ``ztoq``; the
entry point is named like the plugin, so a run imports only what its config names. A module may
declare further names (``ztoq-mappings`` does); they are found by importing all plugins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import EntryPoint
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import attrs
import click
import pluggy

from ztoq_core import hookspecs
from ztoq_core.contracts import SinkPlugin, SourcePlugin, TransformerPlugin
from ztoq_core.errors import PluginError, ZtoqError
from ztoq_core.installed import entry_points, package_name

Plugin = SourcePlugin[Any] | SinkPlugin[Any] | TransformerPlugin[Any] | click.Command
P = TypeVar("P", bound=Plugin)
_COMMANDS_HOOK = "ztoq_commands"

HOOKS: Mapping[str, type[Plugin]] = MappingProxyType(
    {
        "ztoq_sources": SourcePlugin,
        "ztoq_sinks": SinkPlugin,
        "ztoq_transformers": TransformerPlugin,
        "ztoq_commands": click.Command,
    }
)
WORDS: Mapping[type[object], str] = MappingProxyType(
    {
        SourcePlugin: "source",
        SinkPlugin: "sink",
        TransformerPlugin: "transformer",
        click.Command: "command",
    }
)


@attrs.frozen(kw_only=True)
class Declared(Generic[P]):
    """A declaration and the package it comes from, such as ``ztoq-zephyr 0.1.0``."""

    plugin: P
    package: str

    @property
    def word(self) -> str:
        """Return ``source``, ``sink``, ``transformer`` or ``command``."""
        return _word(self.plugin)


@attrs.frozen(kw_only=True)
class Broken:
    """An installed plugin that cannot be used, and why."""

    name: str
    package: str
    reason: str


@attrs.frozen
class _Candidate:
    """A plugin that may be loaded: the entry point's name, its package, and how to import it.

    ``hooks`` are those to call: a module named in both groups is asked each of them once.
    """

    name: str
    package: str
    load: Callable[[], object]
    hooks: tuple[str, ...] = tuple(HOOKS)


class Plugins:
    """The plugins by name: ``Plugins.installed()`` in the program, given modules in tests."""

    def __init__(self, *modules: object) -> None:
        """Take these modules (or objects with hooks), and no installed plugins.

        Raises:
            PluginError: A hook is misspelt, something returned is not a declaration, or two
                modules declare the same name.
        """
        self._candidates: list[_Candidate] = []
        self._declared: list[Declared[Any]] = []
        self._broken: list[Broken] = []
        for module in modules:
            name = getattr(module, "__name__", type(module).__name__)
            self._take(_Candidate(name, name, partial(_itself, module)))
        for broken in self._broken:
            raise PluginError(_sentence(broken))

    @classmethod
    def installed(cls) -> Plugins:
        """Return the plugins of this environment; none is imported yet."""
        plugins = cls()
        for group in (hookspecs.GROUP, hookspecs.COMMANDS):
            hooks = tuple(
                h for h in HOOKS if (h == _COMMANDS_HOOK) == (group == hookspecs.COMMANDS)
            )
            plugins._candidates += [
                _Candidate(each.name, _package(each), each.load, hooks)
                for each in sorted(entry_points(group=group), key=lambda each: each.name)
            ]
        return plugins

    def source(self, name: str) -> SourcePlugin[Any]:
        """Return the source called ``name``.

        Raises:
            PluginError: It does not exist, cannot be imported, or two plugins declare it.
        """
        return self._named(SourcePlugin, name)

    def sink(self, name: str) -> SinkPlugin[Any]:
        """Return the sink called ``name``; raises as ``source``."""
        return self._named(SinkPlugin, name)

    def transformer(self, name: str) -> TransformerPlugin[Any]:
        """Return the transformer called ``name``; raises as ``source``."""
        return self._named(TransformerPlugin, name)

    def command(self, name: str) -> click.Command:
        """Return the command called ``name``; raises as ``source``."""
        return self._named(click.Command, name)

    def defaults(self, source: str, sink: str) -> tuple[TransformerPlugin[Any], ...]:
        """Return the transformers that run for this pair if the config names none, in order.

        Imports every plugin, since any may declare one, but those that only bring commands.

        Raises:
            PluginError: Two packages declare defaults for the pair (their order would be random),
                or none does and some plugin cannot be imported.
        """
        for candidate in [each for each in self._candidates if each.hooks != (_COMMANDS_HOOK,)]:
            self._take(candidate)
        chosen = [
            each
            for each in self._of(TransformerPlugin)
            if (source, sink) in each.plugin.default_for
        ]
        packages = sorted({each.package for each in chosen})
        if len(packages) > 1:
            raise PluginError(
                f"two plugins declare the default mapping for {source!r} -> {sink!r} "
                f"({' and '.join(packages)}); name the transformers in [[transform]]"
            )
        if not chosen and self._broken:
            reasons = "; ".join(map(_sentence, self._broken))
            raise PluginError(f"no default mapping for {source!r} -> {sink!r}: {reasons}")
        return tuple(each.plugin for each in chosen)

    def package_of(self, plugin: Plugin) -> str:
        """Return the package that declared a plugin, with its version."""
        return next((each.package for each in self._declared if each.plugin is plugin), "")

    def declared(self) -> tuple[Declared[Any], ...]:
        """Return what all plugins declare: sources, sinks, transformers, commands, by name."""
        self._take_all()
        words = list(WORDS.values())
        return tuple(
            sorted(self._declared, key=lambda each: (words.index(each.word), each.plugin.name))
        )

    def broken(self) -> tuple[Broken, ...]:
        """Return the plugins that cannot be loaded."""
        self._take_all()
        return tuple(self._broken)

    def _of(self, kind: type[P]) -> Iterator[Declared[P]]:
        return (each for each in self._declared if isinstance(each.plugin, kind))

    def _named(self, kind: type[P], name: str) -> P:
        for candidate in [each for each in self._candidates if each.name == name]:
            self._take(candidate)
            for broken in self._broken:
                if broken.name == name:
                    raise PluginError(_sentence(broken))
        found = self._find(kind, name)
        if found is None:
            self._take_all()
            found = self._find(kind, name)
        if found is None:
            word = WORDS[kind]
            names = ", ".join(sorted(str(each.plugin.name) for each in self._of(kind))) or "none"
            broken_ones = "".join(f"; {_sentence(each)}" for each in self._broken)
            raise PluginError(f"no {word} called {name!r} (available: {names}){broken_ones}")
        return found

    def _find(self, kind: type[P], name: str) -> P | None:
        return next((each.plugin for each in self._of(kind) if each.plugin.name == name), None)

    def _take_all(self) -> None:
        for candidate in list(self._candidates):
            self._take(candidate)

    def _take(self, candidate: _Candidate) -> None:
        """Import, register and check one plugin; keep it as broken if that fails."""
        if candidate in self._candidates:
            self._candidates.remove(candidate)
        reasons: list[str] = []
        declarations: list[Plugin] = []
        with _kept(reasons):
            declarations = list(_declarations(candidate))
        if reasons:
            self._broken.append(
                Broken(name=candidate.name, package=candidate.package, reason=reasons[0])
            )
            return
        for plugin in declarations:
            self._add(plugin, candidate.package)

    def _add(self, plugin: Plugin, package: str) -> None:
        word = _word(plugin)
        for each in self._of(_kind(plugin)):
            if each.plugin.name == plugin.name:
                raise PluginError(
                    f"two plugins declare the {word} {plugin.name!r} "
                    f"({each.package} and {package}); uninstall one"
                )
        self._declared.append(Declared(plugin=plugin, package=package))


def _declarations(candidate: _Candidate) -> Iterator[Plugin]:
    """Import one plugin and call its hooks, in a manager of its own to see only its answers."""
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(candidate.load(), name=candidate.name)
    manager.check_pending()
    for hook in candidate.hooks:
        kind = HOOKS[hook]
        answers: list[Iterable[object]] = getattr(manager.hook, hook)()
        for declaration in (each for answer in answers for each in answer):
            if not isinstance(declaration, kind):
                raise PluginError(
                    f"{hook} declares {type(declaration).__name__}, not {kind.__name__}"
                )
            if not isinstance(declaration, click.Command) and not attrs.has(declaration.config):
                raise PluginError(f"the config class of {declaration.name!r} is not an attrs class")
            yield declaration


@contextmanager
def _kept(reasons: list[str]) -> Iterator[None]:
    """Turn any error from a plugin's import or hooks into a reason."""
    try:
        yield
    except ZtoqError as error:
        reasons.append(str(error))
    except pluggy.PluginValidationError as error:
        reasons.append(" ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything while it is imported
        reasons.append(f"{type(error).__name__}: {error}")


def _kind(plugin: Plugin) -> type[Any]:
    """Return the class of a declaration; a group of commands counts as a command."""
    return next(kind for kind in WORDS if isinstance(plugin, kind))


def _word(plugin: Plugin) -> str:
    return WORDS[_kind(plugin)]


def _itself(module: object) -> object:
    return module


def _sentence(broken: Broken) -> str:
    return (
        f"the plugin {broken.name!r} ({broken.package}) cannot be loaded: {broken.reason}; "
        "fix or uninstall it"
    )


def _package(entry: EntryPoint) -> str:
    return package_name(entry.dist) if entry.dist else entry.value
