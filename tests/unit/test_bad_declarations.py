"""Each way to declare a plugin wrongly is said in words that help, and stops no other plugin."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.environment import Environment
from ztoq_core.errors import PluginError
from ztoq_core.plugin import CONTRACT
from ztoq_core.plugins import Plugins

MAPPINGS = "async def opening(*_): pass\n@hookimpl\ndef ztoq_transformers(): "
HOOK = "@hookimpl\ndef ztoq_sources(): "
DECLARED = "SourcePlugin(name='bad', summary='', config=C, open=opens)"

BAD: Mapping[str, tuple[str, str]] = {
    "exception on import": ("1 / 0", "ZeroDivisionError: division by zero"),
    "missing module": ("import nothing_like_it", "No module named 'nothing_like_it'"),
    "syntax error": ("def f(:", "SyntaxError"),
    "exit on import": ("import sys; sys.exit(7)", r"ends the program: sys\.exit\(7\)"),
    "name of a newer contract": (
        "from ztoq_core.plugin import OfVersion2",
        "cannot import name 'OfVersion2'.*needs a newer one; this ztoq has contract",
    ),
    "attribute of a newer contract": (
        f"{HOOK}return [SourcePlugin(name='bad', summary='', config=C, open=opens, contract=2)]",
        "unexpected keyword argument 'contract'.*pip install -U ztoq-core",
    ),
    "hook of a newer contract": (
        f"{HOOK}return [{DECLARED}]\n@hookimpl\ndef ztoq_reports(): return []",
        r"unknown hook 'ztoq_reports'.*optionalhook=True",
    ),
    "number of a newer contract": (
        f"ztoq_contract = {CONTRACT + 1}\n{HOOK}return [{DECLARED}]",
        f"needs contract {CONTRACT + 1} of ztoq, this ztoq has {CONTRACT}; .*pip install -U",
    ),
    "number of an older contract": (
        f"ztoq_contract = 0\n{HOOK}return [{DECLARED}]",
        "needs contract 0 of ztoq.*; upgrade the plugin",
    ),
    "misspelt hook": (
        f"@hookimpl\ndef ztoq_source(): return [{DECLARED}]",
        r"unknown hook 'ztoq_source' \(did you mean 'ztoq_sources'\?\)",
    ),
    "hook with an argument": (
        f"@hookimpl\ndef ztoq_sources(config): return [{DECLARED}]",
        "config.*are declared in the hookimpl but can not be found",
    ),
    "hook without hookimpl": (
        f"def ztoq_sources(): return [{DECLARED}]",
        "ztoq_sources is not marked: put @hookimpl",
    ),
    "module without hooks": ("x = 1", "declares nothing: it has no hook of ztoq_sources"),
    "hook that returns None": (f"{HOOK}pass", "ztoq_sources returns None; a hook returns a list"),
    "coroutine hook": (
        f"@hookimpl\nasync def ztoq_sources(): return [{DECLARED}]",
        "ztoq_sources is declared with async def",
    ),
    "async generator hook": (
        f"@hookimpl\nasync def ztoq_sources(): yield {DECLARED}",
        "ztoq_sources is declared with async def",
    ),
    "declaration instead of a list": (
        f"{HOOK}return {DECLARED}",
        "ztoq_sources returns a SourcePlugin; a hook returns a list of SourcePlugin",
    ),
    "number instead of a list": (f"{HOOK}return 5", "ztoq_sources returns a int"),
    "dict in the list": (f"{HOOK}return [{{}}]", "declares dict, not SourcePlugin"),
    "sink among the sources": (
        f"{HOOK}return [sink('bad')]",
        "declares SinkPlugin, not SourcePlugin",
    ),
    "config class without attrs": (
        f"class D: pass\n{HOOK}return [SourcePlugin(name='bad', summary='', config=D, open=1)]",
        "config class of 'bad' is not an attrs class",
    ),
    "config object": (
        HOOK + "return [SourcePlugin(name='bad', summary='', config=C(), open=opens)]",
        "config class of 'bad' is not an attrs class",
    ),
    "annotation without a meaning": (
        "@attrs.frozen\nclass D:\n    path: 'NotImported'\n"
        + HOOK
        + "return [SourcePlugin(name='bad', summary='', config=D, open=opens)]",
        "config class of 'bad' has an annotation.*'NotImported' is not defined.*TYPE_CHECKING",
    ),
    "open is None": (
        HOOK + "return [SourcePlugin(name='bad', summary='', config=C, open=None)]",
        "open of 'bad' is None, not a function",
    ),
    "open is a coroutine": (
        "async def coroutine(config, services): return None\n"
        + HOOK
        + "return [SourcePlugin(name='bad', summary='', config=C, open=coroutine)]",
        "open of 'bad' is a plain async def: put @asynccontextmanager above it",
    ),
    "build is a coroutine": (
        f"{MAPPINGS}return [attrs.evolve(mapping('bad'), build=opening)]",
        "build of 'bad' is a plain async def",
    ),
    "default for one name": (
        f"{MAPPINGS}return [mapping('bad', 'to-qtest')]",
        r"default_for of 'bad' has 'to-qtest', not \(source, sink\)",
    ),
    "default for everything": (
        f"{MAPPINGS}return [mapping('bad', ('*', '*'))]",
        "default_for of 'bad' names neither source nor sink",
    ),
    "name with blanks": (
        f"{HOOK}return [source('Bad Name!')]",
        "name 'Bad Name!' cannot be used: lower case letters",
    ),
    "name unlike its entry point": (
        f"{HOOK}return [source('good')]",
        "entry point is called 'bad', and it declares 'good': give both the name",
    ),
    "name twice": (f"{HOOK}return [{DECLARED}, {DECLARED}]", "declares the source 'bad' twice"),
    "failing hook": (f"{HOOK}raise KeyError('x')", "KeyError: 'x'"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_declaration_is_said_and_stops_no_other(environment: Environment, fault: str) -> None:
    body, reason = BAD[fault]
    module = f"bad_{'_'.join(fault.split())}"
    environment.plugin("p-bad", module, body, "bad")
    environment.source("p-fine", f"fine_{module}", "fine")

    plugins = Plugins.installed()

    assert plugins.source("fine").name == "fine"
    assert plugins.defaults("fine", "fine") == ()
    assert [each.plugin.name for each in plugins.declared()] == ["fine"]
    (broken,) = plugins.broken()
    assert (broken.name, broken.package) == ("bad", "p-bad 1.0")
    with pytest.raises(PluginError, match=f"(?s){reason}"):
        raise PluginError(broken.reason)
    with pytest.raises(PluginError, match=r"the plugin 'bad' \(p-bad 1\.0\) cannot be loaded: "):
        Plugins.installed().source("bad")


@pytest.mark.parametrize(
    ("requires", "usable"),
    [
        ("ztoq-core>=0.1,<0.2", True),
        ("ztoq_core>=0.9", False),
        ("ztoq-core>=0.9; extra == 'more'", True),
        ("attrs>=99", True),
        ("not a requirement at all !", True),
    ],
)
def test_a_range_of_the_core_that_does_not_hold_is_said(
    environment: Environment, requires: str, *, usable: bool
) -> None:
    module = f"mod_range_{abs(hash(requires))}"
    text = "raise AssertionError('imported')" if not usable else "from ranged import *"
    environment.source("p-helper", "ranged", "helper") if usable else None
    environment.install("p-range", module, text, "helper", requires=requires)
    environment.entries = [each for each in environment.entries if each.value == module]

    broken = Plugins.installed().broken()

    if usable:
        assert broken == ()
    else:
        assert "it needs ztoq_core>=0.9, and ztoq-core " in broken[0].reason
    sys.modules.pop("ranged", None)


def test_one_module_may_have_several_entry_points(environment: Environment) -> None:
    body = "@hookimpl\ndef ztoq_sources(): return [source('one'), source('two')]"
    environment.plugin("p-both", "mod_both", body, "one", "two")

    plugins = Plugins.installed()

    assert [each.plugin.name for each in plugins.declared()] == ["one", "two"]
    assert plugins.broken() == ()


def test_two_plugins_of_one_name_leave_the_list_and_are_named_where_they_are_used(
    environment: Environment,
) -> None:
    environment.source("p-a", "mod_a", "csv")
    environment.source("p-b", "mod_b", "csv")
    environment.source("p-c", "mod_c", "other")

    plugins = Plugins.installed()

    assert plugins.source("other").name == "other"
    assert [each.plugin.name for each in plugins.declared()] == ["csv", "other"]
    said = r"two plugins declare the source 'csv' \(p-a 1\.0 and p-b 1\.0\); uninstall one, or name"
    with pytest.raises(PluginError, match=said):
        plugins.source("csv")
    plugins = Plugins.installed()
    plugins.choose(disabled=["p-b"])
    assert plugins.source("csv").name == "csv"


def test_a_clash_of_further_names_is_refused_where_one_is_used(environment: Environment) -> None:
    body = "@hookimpl\ndef ztoq_transformers(): return [mapping('values')]"
    environment.plugin("p-x", "mod_x", body, "x")
    environment.plugin("p-y", "mod_y", body, "y")

    with pytest.raises(PluginError, match=r"two plugins declare the transformer 'values'"):
        Plugins.installed().transformer("values")


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("source", "testbok", "did you mean 'testbook'?"),
        ("source", "jsonl", "'jsonl' is a sink"),
        ("sink", "off", "disabled_plugins in the config switches 'off' off"),
        ("sink", "quite-another", "(available: jsonl); 1 cannot be loaded, `ztoq plugins` says"),
        ("transformer", "values", "(available: none); the plugin 'worst' (p-worst 1.0) cannot be"),
    ],
)
def test_an_unknown_name_gets_a_hint(
    environment: Environment, kind: str, name: str, hint: str
) -> None:
    environment.source("p-test", "mod_testbook", "testbook")
    body = "@hookimpl\ndef ztoq_sinks(): return [sink('jsonl')]"
    environment.plugin("p-json", "mod_jsonl", body, "jsonl")
    environment.install("p-worst", "mod_worst", "1 / 0", "worst")
    plugins = Plugins.installed()
    plugins.choose(disabled=["off"])

    with pytest.raises(PluginError) as caught:
        getattr(plugins, kind)(name)

    assert hint in str(caught.value)


LOCAL = """
from __future__ import annotations
from contextlib import asynccontextmanager
from pathlib import Path
import attrs
from ztoq_core.plugin import SourcePlugin, hookimpl

@attrs.frozen
class Config:
    path: Path

@asynccontextmanager
async def opens(config, services):
    yield None

@hookimpl
def ztoq_sources():
    yield SourcePlugin(name="ours", summary="", config=Config, open=opens)
"""


def test_a_file_is_a_plugin_without_a_package(environment: Environment, tmp_path: Path) -> None:
    environment.install("p-worse", "mod_worse", "1 / 0", "worse")
    (tmp_path / "acme.py").write_text(LOCAL)
    plugins = Plugins.installed()
    assert plugins.broken()

    plugins.choose([tmp_path / "acme.py"])
    plugins.choose([tmp_path / "acme.py"])  # the same config, read again

    assert plugins.source("ours").name == "ours"
    assert plugins.package_of(plugins.source("ours")) == str(tmp_path / "acme.py")


@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "there is no Python file"), ("1 / 0", "ZeroDivisionError"), ("", "declares nothing")],
)
def test_a_file_that_cannot_be_used_is_an_error(
    environment: Environment, tmp_path: Path, text: str | None, reason: str
) -> None:
    del environment
    if text is not None:
        (tmp_path / "acme.py").write_text(text)

    with pytest.raises(PluginError, match=rf"acme\.py\) cannot be loaded: .*{reason}"):
        Plugins.installed().choose([tmp_path / "acme.py"])


@pytest.mark.parametrize("name", ["worse", "p-worse"])
def test_a_plugin_can_be_switched_off(environment: Environment, name: str) -> None:
    environment.install("p-worse", "mod_never", "1 / 0", "worse")
    plugins = Plugins.installed()

    plugins.choose(disabled=[name])

    assert plugins.broken() == ()
    assert "mod_never" not in sys.modules
    assert plugins.disabled == [name]
