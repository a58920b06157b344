"""Finds the installed plugins, and returns what they declare by name.

A plugin is a module named by an entry point in the group ``ztoq``; the entry point is named like
the plugin, so a run imports only what its config names. A module may declare further names
(``ztoq-mappings`` does); they are found by importing all plugins. A plugin that cannot be used is
an error where the config names it, and a line in ``ztoq plugins``; it never stops the others.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs
import click

from ztoq_core import hookspecs
from ztoq_core.contracts import SinkPlugin, SourcePlugin, TransformerPlugin
from ztoq_core.declarations import (
    COMMANDS_HOOK,
    HOOKS,
    Candidate,
    Plugin,
    declarations_of,
    load_file,
)
from ztoq_core.errors import PluginError
from ztoq_core.installed import entry_points, package_name
from ztoq_core.spelling import closest

P = TypeVar("P", bound=Plugin)

WORDS: Mapping[type[object], str] = {
    SourcePlugin: "source",
    SinkPlugin: "sink",
    TransformerPlugin: "transformer",
    click.Command: "command",
}


@attrs.frozen(kw_only=True)
class Declared(Generic[P]):
    """A declaration and the package it comes from, such as ``ztoq-zephyr 0.1.0``."""

    plugin: P
    package: str

    @property
    def word(self) -> str:
        """Return ``source``, ``sink``, ``transformer`` or ``command``."""
        return WORDS[_kind(self.plugin)]


@attrs.frozen(kw_only=True)
class Broken:
    """An installed plugin that cannot be used, and why."""

    name: str
    package: str
    reason: str


class Plugins:
    """The plugins by name: ``Plugins.installed()`` in the program, given modules in tests."""

    def __init__(self, *modules: object) -> None:
        """Take these modules (or objects with hooks), and no installed plugins.

        Raises:
            PluginError: A hook is misspelt, something returned is not a declaration, or two
                modules declare the same name.
        """
        self._candidates: list[Candidate] = []
        self._declared: list[Declared[Any]] = []
        self._broken: list[Broken] = []
        self._taken: set[tuple[str, str, tuple[str, ...]]] = set()
        self._disabled: set[str] = set()
        self._clashes: dict[tuple[type[Any], str], str] = {}
        for module in modules:
            name = getattr(module, "__name__", type(module).__name__)
            self._take(Candidate(name, name, partial(_itself, module)))
        for broken in self._broken:
            raise PluginError(_sentence(broken))

    @classmethod
    def installed(cls) -> Plugins:
        """Return the plugins of this environment; none is imported yet."""
        plugins = cls()
        for group in (hookspecs.GROUP, hookspecs.COMMANDS):
            hooks = tuple(h for h in HOOKS if (h == COMMANDS_HOOK) == (group == hookspecs.COMMANDS))
            plugins._candidates += [
                Candidate(each.name, _package(each), each.load, hooks, each.value, each.dist)
                for each in sorted(entry_points(group=group), key=lambda each: each.name)
            ]
        return plugins

    def choose(self, files: Collection[Path] = (), disabled: Collection[str] = ()) -> None:
        """Take plugins that are files, and leave out the disabled ones: plugins or packages.

        Raises:
            PluginError: A file cannot be used.
        """
        self._disabled |= set(disabled)
        self._candidates = [
            each
            for each in self._candidates
            if not self._disabled & {each.name, each.package.rpartition(" ")[0]}
        ]
        for path in files:
            load = partial(load_file, path)
            self._take(Candidate(path.stem, str(path), load, entry=str(path)))
        for broken in self._broken:
            if broken.package in map(str, files):
                raise PluginError(_sentence(broken))

    @property
    def disabled(self) -> Collection[str]:
        """The names of plugins and packages that are left out."""
        return sorted(self._disabled)

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

        Those declared for the pair itself, else the two halves: those for (source, any sink), then
        those for (any source, sink).

        Imports every plugin, since any may declare one, but those that only bring commands. What
        cannot be imported is left out; ``broken`` has it.

        Raises:
            PluginError: Two packages declare the same default: their order would be random.
        """
        for candidate in [each for each in self._candidates if each.hooks != (COMMANDS_HOOK,)]:
            self._take(candidate)
        whole = self._defaults(source, sink)
        return whole or (*self._defaults(source, "*"), *self._defaults("*", sink))

    def _defaults(self, source: str, sink: str) -> tuple[TransformerPlugin[Any], ...]:
        found = [
            each
            for each in self._of(TransformerPlugin)
            if (source, sink) in each.plugin.default_for
        ]
        packages = sorted({each.package for each in found})
        if len(packages) > 1:
            raise PluginError(
                f"two plugins declare the default mapping for {source!r} -> {sink!r} "
                f"({' and '.join(packages)}); name the transformers in [[transform]]"
            )
        return tuple(each.plugin for each in found)

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
        if clash := self._clashes.get((kind, name)):
            raise PluginError(clash)
        if found is None:
            raise PluginError(self._unknown(kind, name))
        return found

    def _unknown(self, kind: type[Any], name: str) -> str:
        word, names = WORDS[kind], sorted(str(each.plugin.name) for each in self._of(kind))
        others = [each.word for each in self._declared if each.plugin.name == name]
        if name in self._disabled:
            hint = f"disabled_plugins in the config switches {name!r} off; "
        elif others:
            hint = f"{name!r} is a {others[0]}; "
        else:
            hint = f"did you mean {near!r}? " if (near := closest(name, names, 0.7)) else ""
        broken = "".join(f"; {_sentence(each)}" for each in self._broken if not names)
        if not broken and self._broken:
            broken = f"; {len(self._broken)} cannot be loaded, `ztoq plugins` says why"
        return f"no {word} called {name!r} ({hint}available: {', '.join(names) or 'none'}){broken}"

    def _find(self, kind: type[P], name: str) -> P | None:
        return next((each.plugin for each in self._of(kind) if each.plugin.name == name), None)

    def _take_all(self) -> None:
        for candidate in list(self._candidates):
            self._take(candidate)

    def _take(self, candidate: Candidate) -> None:
        """Import and check one plugin; keep it as broken if that fails."""
        if candidate in self._candidates:
            self._candidates.remove(candidate)
        place = (candidate.package, candidate.entry, candidate.hooks)
        if candidate.entry and place in self._taken:
            return  # another entry point of the same module
        self._taken.add(place)
        try:
            declared = declarations_of(candidate)
            for plugin in declared:
                self._refuse_second(plugin, declared, candidate.package)
        except PluginError as error:
            self._broken.append(
                Broken(name=candidate.name, package=candidate.package, reason=str(error))
            )
        else:
            self._declared += (Declared(plugin=p, package=candidate.package) for p in declared)

    def _refuse_second(self, plugin: Plugin, own: Sequence[Plugin], package: str) -> None:
        kind, name = _kind(plugin), str(plugin.name)
        if [each.name for each in own if isinstance(each, kind)].count(name) > 1:
            raise PluginError(f"it declares the {WORDS[kind]} {name!r} twice")
        for each in self._of(kind):
            if each.plugin.name == name:
                self._clashes[kind, name] = (
                    f"two plugins declare the {WORDS[kind]} {name!r} ({each.package} and "
                    f"{package}); uninstall one, or name it in disabled_plugins"
                )
                raise PluginError(self._clashes[kind, name])


def _kind(plugin: Plugin) -> type[Any]:
    """Return the class of a declaration; a group of commands counts as a command."""
    return next(kind for kind in WORDS if isinstance(plugin, kind))


def _itself(module: object) -> object:
    return module


def _sentence(broken: Broken) -> str:
    return (
        f"the plugin {broken.name!r} ({broken.package}) cannot be loaded: {broken.reason}; "
        "fix or uninstall it"
    )


def _package(entry: EntryPoint) -> str:
    return package_name(entry.dist) if entry.dist else entry.value


# ----------------------------------------------------------------------- what a config chooses

LISTS: Mapping[str, str] = {"plugins": "./acme.py", "disabled_plugins": "acme"}
"""The lists at the top of a config, with an example for each: plugins that are files, and plugins
to leave out."""


def wrong_lists(tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the lists in a config."""
    for key, example in LISTS.items():
        value = tables.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            yield f'expected a list of texts, such as ["{example}"] @ {key}'


def choose_plugins(plugins: Plugins, tables: Mapping[str, Any], folder: Path) -> None:
    """Choose as a config says whose relative paths start from ``folder``; as ``Plugins.choose``."""
    files = [folder / Path(each).expanduser() for each in tables.get("plugins", ())]
    plugins.choose(files, tables.get("disabled_plugins", ()))


def plugins_of(path: Path) -> Plugins:
    """Return the installed plugins as the config in a file chooses them; all if it is unusable."""
    plugins = Plugins.installed()
    with suppress(OSError, ValueError, PluginError):
        tables = tomllib.loads(path.read_text("utf-8-sig"))
        if not list(wrong_lists(tables)):
            choose_plugins(plugins, tables, path.absolute().parent)
    return plugins
