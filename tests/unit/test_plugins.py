from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import attrs
import click
import pytest

from tests.unit.environment import Environment
from ztoq_core import hookspecs
from ztoq_core.errors import PluginError
from ztoq_core.plugin import (
    Record,
    Services,
    Sink,
    SinkPlugin,
    Source,
    SourcePlugin,
    Transform,
    TransformContext,
    TransformerPlugin,
    hookimpl,
)
from ztoq_core.plugins import Plugins


@attrs.frozen(kw_only=True)
class Settings:
    path: str = ""


@asynccontextmanager
async def never_source(_config: object, _services: Services) -> AsyncIterator[Source]:
    raise NotImplementedError
    yield


@asynccontextmanager
async def never_sink(_config: Settings, _services: Services) -> AsyncIterator[Sink]:
    raise NotImplementedError
    yield


def as_it_is(_config: Settings, _scene: TransformContext) -> Transform:
    def transform(record: Record) -> Record:
        return record

    return transform


def source(name: str) -> SourcePlugin[Settings]:
    return SourcePlugin(name=name, summary="A source", config=Settings, open=never_source)


def sink(name: str) -> SinkPlugin[Settings]:
    return SinkPlugin(name=name, summary="A sink", config=Settings, open=never_sink)


def transformer(name: str, *pairs: tuple[str, str]) -> TransformerPlugin[Settings]:
    return TransformerPlugin(
        name=name, summary="A mapping", config=Settings, build=as_it_is, default_for=pairs
    )


class Shop:
    """A plugin that declares what it is told to."""

    def __init__(
        self,
        name: str,
        *,
        sources: Iterable[Any] = (),
        sinks: Iterable[Any] = (),
        transformers: Iterable[Any] = (),
    ) -> None:
        self.__name__ = name
        self.answers: Mapping[str, Iterable[Any]] = {
            "sources": sources,
            "sinks": sinks,
            "transformers": transformers,
        }

    @hookimpl
    def ztoq_sources(self) -> Iterable[SourcePlugin[Any]]:
        return self.answers["sources"]

    @hookimpl
    def ztoq_sinks(self) -> Iterable[SinkPlugin[Any]]:
        return self.answers["sinks"]

    @hookimpl
    def ztoq_transformers(self) -> Iterable[TransformerPlugin[Any]]:
        return self.answers["transformers"]


class Misspelt:
    @hookimpl
    def ztoq_sorces(self) -> Iterable[SourcePlugin[Any]]:
        return ()


def test_ztoq_sources_answers_for_sources_by_name() -> None:
    plugins = Plugins(Shop("a", sources=[source("csv")]))
    assert plugins.source("csv").config is Settings


def test_ztoq_sinks_answers_for_sinks_by_name() -> None:
    plugins = Plugins(Shop("a", sinks=[sink("csv")]))
    assert plugins.sink("csv").name == "csv"


def test_ztoq_transformers_answers_for_transformers_by_name() -> None:
    plugins = Plugins(Shop("a", transformers=[transformer("fields")]))
    assert plugins.transformer("fields").name == "fields"


def test_ztoq_commands_answers_for_commands_by_name() -> None:
    class Commands:
        @hookimpl
        def ztoq_commands(self) -> Iterable[click.Command]:
            return [click.Command("count"), click.Group("tools")]

    plugins = Plugins(Commands())
    assert plugins.command("tools").name == "tools"
    assert [each.word for each in plugins.declared()] == ["command", "command"]
    with pytest.raises(
        PluginError,
        match=r"no command called 'cuont' \(did you mean 'count'\? available: count, tools\)",
    ):
        plugins.command("cuont")


@pytest.mark.parametrize(
    "hook", ["ztoq_sources", "ztoq_sinks", "ztoq_transformers", "ztoq_commands"]
)
def test_every_hook_has_a_test_named_after_it(hook: str) -> None:
    assert callable(getattr(hookspecs, hook))
    assert any(name.startswith(f"test_{hook}") for name in globals())


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    plugins = Plugins(Shop("a", sources=[source("zephyr"), source("memory")]))
    with pytest.raises(PluginError) as caught:
        plugins.source("zefyr")
    assert str(caught.value) == (
        "no source called 'zefyr' (did you mean 'zephyr'? available: memory, zephyr)"
    )


def test_no_plugin_at_all_is_said() -> None:
    with pytest.raises(PluginError, match=r"no sink called 'qtest' \(available: none\)"):
        Plugins().sink("qtest")


def test_a_source_and_a_sink_may_share_a_name() -> None:
    plugins = Plugins(Shop("a", sources=[source("csv")], sinks=[sink("csv")]))
    assert [(each.word, each.plugin.name) for each in plugins.declared()] == [
        ("source", "csv"),
        ("sink", "csv"),
    ]


def test_two_plugins_of_one_name_are_refused_naming_both() -> None:
    with pytest.raises(PluginError) as caught:
        Plugins(Shop("one", sources=[source("csv")]), Shop("two", sources=[source("csv")]))
    assert "two plugins declare the source 'csv' (one and two); uninstall one" in str(caught.value)


def test_a_misspelt_hook_is_an_error() -> None:
    with pytest.raises(PluginError, match="ztoq_sorces"):
        Plugins(Misspelt())


def test_a_declaration_of_the_wrong_type_is_an_error() -> None:
    with pytest.raises(PluginError, match="ztoq_sources declares SinkPlugin, not SourcePlugin"):
        Plugins(Shop("a", sources=[sink("csv")]))


def test_a_config_class_without_attrs_is_an_error() -> None:
    plain = SourcePlugin(name="csv", summary="", config=SimpleNamespace, open=never_source)
    with pytest.raises(PluginError, match="config class of 'csv' is not an attrs class"):
        Plugins(Shop("a", sources=[plain]))


def test_defaults_are_those_of_the_pair_in_the_order_of_their_plugin() -> None:
    plugins = Plugins(
        Shop(
            "a",
            transformers=[
                transformer("second", ("x", "y")),
                transformer("first", ("x", "y"), ("x", "z")),
                transformer("other", ("y", "x")),
            ],
        )
    )
    assert [each.name for each in plugins.defaults("x", "y")] == ["second", "first"]
    assert [each.name for each in plugins.defaults("x", "z")] == ["first"]
    assert plugins.defaults("q", "z") == ()


def test_the_default_of_a_pair_is_of_two_halves_the_source_s_first() -> None:
    plugins = Plugins(
        Shop("sink", transformers=[transformer("to-y", ("*", "y"))]),
        Shop("source", transformers=[transformer("from-x", ("x", "*"))]),
        Shop("pair", transformers=[transformer("whole", ("x", "z"))]),
        Shop("other", transformers=[transformer("to-z", ("*", "z"))]),
    )
    assert [each.name for each in plugins.defaults("x", "y")] == ["from-x", "to-y"]
    assert [each.name for each in plugins.defaults("q", "y")] == ["to-y"]
    assert [each.name for each in plugins.defaults("x", "q")] == ["from-x"]
    assert [each.name for each in plugins.defaults("x", "z")] == ["whole"]


def test_one_half_of_two_packages_is_refused() -> None:
    plugins = Plugins(
        Shop("one", transformers=[transformer("a", ("*", "y"))]),
        Shop("two", transformers=[transformer("b", ("*", "y"))]),
    )
    with pytest.raises(PluginError, match=r"the default mapping for '\*' -> 'y' \(one and two"):
        plugins.defaults("x", "y")


def test_defaults_of_two_packages_for_one_pair_are_refused() -> None:
    plugins = Plugins(
        Shop("one", transformers=[transformer("a", ("x", "y"))]),
        Shop("two", transformers=[transformer("b", ("x", "y"))]),
    )
    with pytest.raises(PluginError, match=r"one and two.*\[\[transform\]\]"):
        plugins.defaults("x", "y")


def test_only_the_named_plugin_is_imported(environment: Environment) -> None:
    environment.source("p-one", "mod_named", "one")
    environment.source("p-two", "mod_other", "two")
    assert Plugins.installed().source("one").name == "one"
    assert "mod_named" in sys.modules
    assert "mod_other" not in sys.modules


def test_a_name_that_no_entry_point_bears_is_found_in_the_others(environment: Environment) -> None:
    body = "@hookimpl\ndef ztoq_transformers(): return [mapping('a-b', ('a', 'b'))]"
    environment.plugin("p-mappings", "mod_mappings", body, "mappings")
    plugins = Plugins.installed()
    assert plugins.transformer("a-b").name == "a-b"
    assert [each.name for each in plugins.defaults("a", "b")] == ["a-b"]


def test_a_package_is_named_with_its_version(environment: Environment) -> None:
    environment.source("p-three", "mod_three", "three")
    assert [each.package for each in Plugins.installed().declared()] == ["p-three 1.0"]


def test_two_distributions_with_one_entry_point_are_both_named(environment: Environment) -> None:
    environment.source("p-four", "mod_four", "four")
    environment.source("p-vier", "mod_vier", "four")
    with pytest.raises(PluginError, match=r"p-four 1\.0 and p-vier 1\.0"):
        Plugins.installed().source("four")


def test_a_plugin_that_cannot_be_imported_is_an_error_only_where_named(
    environment: Environment,
) -> None:
    environment.install("p-bad", "mod_bad", "import nothing_of_this_name", "bad")
    environment.source("p-five", "mod_five", "five")
    plugins = Plugins.installed()
    assert plugins.source("five").name == "five"
    with pytest.raises(PluginError, match=r"'bad' \(p-bad 1\.0\).*nothing_of_this_name"):
        plugins.source("bad")
    (broken,) = plugins.broken()
    assert (broken.name, broken.package) == ("bad", "p-bad 1.0")
    assert "No module named 'nothing_of_this_name'" in broken.reason


def test_a_broken_plugin_is_mentioned_where_a_name_is_missing(
    environment: Environment,
) -> None:
    environment.install("p-ugly", "mod_ugly", "1 / 0", "ugly")
    plugins = Plugins.installed()
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        plugins.transformer("a-b")
    assert plugins.defaults("a", "b") == ()


def test_a_plugin_with_a_misspelt_hook_does_not_spoil_the_next(environment: Environment) -> None:
    body = "@hookimpl\ndef ztoq_sorces(): return []"
    environment.plugin("p-miss", "mod_miss", body, "miss")
    environment.source("p-six", "mod_six", "six")
    plugins = Plugins.installed()
    assert [each.plugin.name for each in plugins.declared()] == ["six"]
    assert "ztoq_sorces" in plugins.broken()[0].reason
