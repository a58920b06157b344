"""The config file: what is read, in which order, and how mistakes are named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.unit.config.shop import (
    GOOD,
    Mode,
    Reader,
    Remote,
    Rename,
    Shop,
    Target,
    rename,
)
from ztoq_core.errors import ConfigError, PluginError
from ztoq_core.plugin import (
    FieldSpec,
    FieldType,
    Kind,
    Record,
    Schema,
    Secret,
    TestCase,
    TransformerPlugin,
    hookimpl,
)
from ztoq_core.plugins import Plugins
from ztoq_core.settings import config


def test_a_good_file_gives_settings_of_the_plugins_own_classes(read: Reader) -> None:
    got = read(GOOD)
    assert isinstance(got.source.settings, Remote)
    assert got.source.settings.project == "ACME"
    assert got.source.settings.files == ("cases", "cycles")
    assert got.sink.settings == Target()
    assert got.path == read.folder / "acme.toml"


def test_every_type_of_setting_is_read(read: Reader) -> None:
    got = read(
        GOOD.replace(
            'project = "ACME"',
            'project = "ACME"\nrate = 5\ntimeout = 2.5\nmode = "fast"\nsince = 2026-01-31\n'
            'files = ["cases"]\n'
            'accounts = [{ user = "a", password = { env = "P" } }]',
        )
        + "project = 4242\ncreate_fields = true\nlimits = { cases = 3 }\n"
        + 'kinds = ["folder"]\nnames = ["a"]\n'
    )
    assert got.source.settings.rate == 5
    assert got.source.settings.mode is Mode.FAST
    assert got.source.settings.since == date(2026, 1, 31)
    assert got.source.settings.files == ("cases",)
    assert got.source.settings.accounts[0].user == "a"
    assert got.sink.settings.limits == {"cases": 3}
    assert got.sink.settings.create_fields is True
    assert got.sink.settings.kinds == {Kind.FOLDER}
    assert got.sink.settings.names == ("a",)


def test_relative_paths_count_from_the_folder_of_the_file(read: Reader) -> None:
    got = read(
        GOOD.replace("[source]", '[store]\nurl = "sqlite:///acme.db"\n[source]').replace(
            'project = "ACME"', 'project = "ACME"\nca_file = "ca.pem"'
        )
        + 'path = "there"\n[log]\nfile = "log/a.log"\n'
    )
    assert got.store_url == f"sqlite:///{read.folder}/acme.db"
    assert got.sink.settings.path == read.folder / "there"
    assert got.source.settings.ca_file == str(read.folder / "ca.pem")
    assert got.log_file == read.folder / "log/a.log"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////var/acme.db", "sqlite:////var/acme.db"),
        ("postgresql://me@localhost/acme", "postgresql://me@localhost/acme"),
    ],
)
def test_absolute_store_urls_stay(read: Reader, url: str, expected: str) -> None:
    assert read(GOOD + f'[store]\nurl = "{url}"\n').store_url == expected


BESIDE = GOOD.replace(
    "[sink]",
    """[source.beside]
base_url = "https://beside.example.com"
token = { env = "BESIDE_TOKEN" }
ca_file = "ca.pem"
people = "people.csv"
[sink]""",
)


def test_a_connection_within_another_counts_as_one(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = read(BESIDE)
    beside = got.source.settings.beside
    assert beside.ca_file == str(read.folder / "ca.pem")
    assert beside.people == read.folder / "people.csv"
    assert got.shown()["source"]["beside"]["token"] == {"env": "BESIDE_TOKEN"}
    monkeypatch.setenv("MY_TOKEN", "secret")
    with pytest.raises(ConfigError, match=r"source.beside.token: .*'BESIDE_TOKEN' is not set"):
        got.source.require()
    # without a service of its own: files alone
    assert read(BESIDE.replace("https://beside.example.com", "")).source.settings.beside


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("people =", "peple ="), "unknown key 'peple' (did you mean 'people'?) @ source.beside"),
        (("https://beside", "beside"), "base_url is not a URL that begins with https:// and names"),
        (('people = "people.csv"', "in_flight = 0"), "in_flight must be more than 0 @ source.besi"),
        (('{ env = "BESIDE_TOKEN" }', '"x"'), "the secret itself is not accepted in this file"),
    ],
)
def test_a_mistake_in_a_connection_within_another_is_told(
    read: Reader, change: tuple[str, str], line: str
) -> None:
    (got,) = read.refused(BESIDE.replace(*change))
    assert got.startswith(line)


def test_the_environment_sets_keys_of_a_table_within(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZTOQ_SOURCE_BESIDE_BASE_URL", "https://other.example.com")
    monkeypatch.setenv("ZTOQ_SOURCE_BESIDE_TOKEN", "of the environment")
    monkeypatch.setenv("ZTOQ_SOURCE_BESIDE_IN_FLIGHT", "3")
    for text in (GOOD, BESIDE):
        beside = read(text).source.settings.beside
        assert (beside.base_url, beside.in_flight) == ("https://other.example.com", 3)
        assert beside.token.reveal() == "of the environment"
    monkeypatch.setenv("ZTOQ_SOURCE_BESIDE_PEPLE", "x")
    (line,) = read.refused(GOOD)
    assert line.startswith("unknown key 'beside_peple', set by ZTOQ_SOURCE_BESIDE_PEPLE")


def test_the_store_has_a_default(read: Reader) -> None:
    assert read(GOOD).store_url == f"sqlite:///{read.folder}/ztoq.db"


def test_the_store_url_may_stand_in_the_environment(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = read(GOOD + '[store]\nurl = { env = "MY_STORE" }\n')
    with pytest.raises(ConfigError, match="MY_STORE"):
        _ = got.store_url
    monkeypatch.setenv("MY_STORE", "postgresql://me:pw@db/acme")
    assert got.store_url == "postgresql://me:pw@db/acme"
    assert "pw" not in str(got.shown())
    monkeypatch.setenv("OTHER_STORE", "mysql://me:pw@db/acme")
    with pytest.raises(ConfigError, match="scheme 'mysql'"):
        _ = read(GOOD + '[store]\nurl = { env = "OTHER_STORE" }\n').store_url


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (
            ('project = "ACME"', 'projekt = "ACME"'),
            ["unknown key 'projekt' (did you mean 'project'?) @ source", "missing key @ source."],
        ),
        (("[sink]", "[snk]"), ["unknown table 'snk' (did you mean 'sink'?)"]),
        (("[sink]", "[[sink]]"), ["expected a table @ sink"]),
        (('use = "target"', ""), ["missing key @ sink.use (the name of a plugin)"]),
        (
            ('{ env = "MY_TOKEN" }', '"eyJhbGciOi"'),
            ["the secret itself is not accepted in this file; name where it is: { env ="],
        ),
        (('{ env = "MY_TOKEN" }', "7"), ["expected { env ="]),
        (('{ env = "MY_TOKEN" }', '{ enw = "X" }'), ["expected { env ="]),
        (('{ env = "MY_TOKEN" }', "{ env = 7 }"), ["expected { env ="]),
        (('"ACME"', "4242"), ["expected a string, got a whole number @ source.project"]),
        (
            ('use = "target"', 'use = "target"\nproject = "4242"'),
            ["expected a whole number, got a string @ sink.project"],
        ),
        (
            ('use = "target"', 'use = "target"\ncreate_fields = "false"'),
            ["expected true or false, got a string @ sink.create_fields"],
        ),
        (
            ('use = "target"', 'use = "target"\nproject = true'),
            ["expected a whole number, got true or false @ sink.project"],
        ),
        (
            ('use = "target"', 'use = "target"\nproject = -1'),
            ["project must not be negative @ sink"],
        ),
        (
            ('use = "target"', 'use = "target"\nproject = 1979-05-27'),
            ["expected a whole number, got a date @ sink.project"],
        ),
        (
            ('use = "target"', 'use = "target"\nprojekt = 1\n[[transform]]\nsuffix = "x"'),
            ["unknown key 'projekt'", "missing key @ transform[0].use"],
        ),
        (
            ('use = "target"', 'use = "target"\n[[transform]]\nuse = "rename"\nsufix = "x"'),
            ["unknown key 'sufix' (did you mean 'suffix'?) @ transform[0]"],
        ),
        (
            ('use = "target"', 'use = "target"\n[transform]\nuse = "rename"'),
            ["expected [[transform]]"],
        ),
        (
            ('project = "ACME"', 'project = "ACME"\naccounts = [{ usr = "x" }]'),
            ["unknown key 'usr' (did you mean 'user'?) @ source.accounts[0]"],
        ),
        (
            ('use = "target"', 'use = "target"\nzzzzzz = 1'),
            ["unknown key 'zzzzzz' (known: create_fields, kinds, limits, names, path, "],
        ),
        (
            ("https://example.com/v2/", "example.com"),
            ["base_url is not a URL that begins with https:// and names a host @ source"],
        ),
        (
            ('project = "ACME"', 'project = "ACME"\nmode = "fst"'),
            ["expected one of 'fast', 'slow' @ source.mode"],
        ),
        (
            ('project = "ACME"', 'project = "ACME"\nfiles = "cases"'),
            ["expected a list, got a string @ source.files"],
        ),
        (
            ('project = "ACME"', 'project = "ACME"\nfiles = ["cases", 3]'),
            ["expected a string, got a whole number @ source.files[1]"],
        ),
        (("https://example.com/v2/", "https://[::1"), ["base_url is not a URL @ source"]),
        (("https://example.com", "https://me:pw@example.com"), ["base_url contains credentials"]),
        (("example.com/v2/", "example.com/v2?a=b"), ["base_url must end with its path"]),
        (('project = "ACME"', 'project = "ACME"\nrate = 0'), ["rate must be more than 0"]),
        (
            ("[source]", '[store]\nurl = "mysql://me:pw@db/x"\n[source]'),
            ["expected sqlite:///FILE or postgresql://USER@HOST/DATABASE, got the scheme 'mysql'"],
        ),
        (("[source]", '[store]\nurl = "acme.db"\n[source]'), ["expected sqlite:///FILE"]),
        (
            ("[source]", '[store]\nurl = "sqlite:///:memory:"\n[source]'),
            ["expected a file, such as sqlite:///ztoq.db @ store.url"],
        ),
    ],
)
def test_each_mistake_is_a_line_that_says_where(
    read: Reader, change: tuple[str, str], lines: list[str]
) -> None:
    got = read.refused(GOOD.replace(*change))
    for expected in lines:
        assert any(line.startswith(expected) for line in got), got
    assert "eyJ" not in str(got)
    assert "pw" not in str(got)


def test_broken_toml_names_the_line(read: Reader) -> None:
    (line,) = read.refused('[source]\nuse = "remote"\nbase_url = \n')
    assert line.endswith("is not valid TOML: Invalid value (at line 3, column 12)")
    (line,) = read.refused('[source]\nuse = "remote"\nbase_url =')
    assert line.endswith("(at line 3)")


def test_a_byte_order_mark_is_accepted(read: Reader) -> None:
    assert read("\ufeff" + GOOD).source.settings.project == "ACME"


def test_a_missing_file_says_what_to_do(tmp_path: Path, plugins: Plugins) -> None:
    with pytest.raises(ConfigError, match=r"there is no config file.*config init.*--config FILE"):
        config.read(tmp_path / "acme.toml", plugins)


def test_a_file_that_is_no_text_or_no_file_is_refused(tmp_path: Path, plugins: Plugins) -> None:
    with pytest.raises(ConfigError, match="directory"):
        config.read(tmp_path, plugins)
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        config.read(tmp_path / "x.toml", plugins)


def test_the_file_may_be_named_by_the_environment_or_stand_here(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = read(GOOD).path
    assert path
    monkeypatch.setenv("ZTOQ_CONFIG", str(path))
    assert config.read(None, read.plugins).path == path
    monkeypatch.delenv("ZTOQ_CONFIG")
    monkeypatch.chdir(read.folder)
    path.rename("ztoq.toml")
    assert config.read(None, read.plugins).folder == read.folder


def test_an_unknown_plugin_is_named_with_the_known_ones(read: Reader) -> None:
    with pytest.raises(PluginError, match=r"no source called 'remot' .*available: remote\)"):
        read(GOOD.replace('"remote"', '"remot"'))


# ------------------------------------------------------------------------------------- the order


def test_option_beats_environment_beats_file_beats_default(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(GOOD).log_file is None
    with_file = GOOD + '[log]\nfile = "a.log"\n'
    assert read(with_file).log_file == read.folder / "a.log"
    monkeypatch.setenv("ZTOQ_LOG_FILE", "b.log")
    assert read(with_file).log_file == read.folder / "b.log"
    assert read(with_file, log={"file": "/c.log"}).log_file == Path("/c.log")


def test_the_environment_sets_keys_of_any_type(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "ZTOQ_SOURCE_PROJECT": "4242",
        "ZTOQ_SOURCE_TOKEN": "from-the-environment",
        "ZTOQ_SOURCE_RATE": "2.5",
        "ZTOQ_SOURCE_FILES": '["cases"]',
        "ZTOQ_SINK_PROJECT": "7",
        "ZTOQ_SINK_CREATE_FIELDS": "true",
        "ZTOQ_STORE_URL": "sqlite:///env.db",
    }.items():
        monkeypatch.setenv(name, value)
    got = read(GOOD)
    assert got.source.settings.project == "4242"
    assert got.source.settings.token.reveal() == "from-the-environment"
    assert got.source.settings.rate == 2.5
    assert got.source.settings.files == ("cases",)
    assert (got.sink.settings.project, got.sink.settings.create_fields) == (7, True)
    assert got.store_url.endswith("/env.db")


def test_a_misspelt_variable_is_named(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZTOQ_SINK_PROJEKT", "7")
    monkeypatch.setenv("ZTOQ_SINK_PROJECT", "many words")
    assert read.refused(GOOD) == [
        "ZTOQ_SINK_PROJECT: expected a whole number, got a string",
        "unknown key 'projekt', set by ZTOQ_SINK_PROJEKT (did you mean 'project'?) @ sink",
    ]


def test_a_variable_that_holds_a_secret_sets_no_key(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZTOQ_SOURCE_JWT", "t0ken")
    got = read(GOOD.replace("MY_TOKEN", "ZTOQ_SOURCE_JWT"))
    assert got.source.settings.token.reveal() == "t0ken"


# ---------------------------------------------------------------------------------- transformers


def test_without_transformers_the_default_of_the_pair_applies(read: Reader) -> None:
    (part,) = read(GOOD).chain()
    assert part.plugin.name == "rename"


def test_named_transformers_are_built_in_order_with_the_scene(read: Reader) -> None:
    got = read(
        GOOD
        + '[[transform]]\nuse = "rename"\nsuffix = "1"\nmapping = "m.toml"\n'
        + '[[transform]]\nuse = "rename"\nsuffix = "2"\n'
    )
    assert got.chain()[0].settings.mapping == read.folder / "m.toml"
    schema = Schema(fields=(FieldSpec(kind=Kind.TEST_CASE, name="F", type=FieldType.TEXT),))
    record: Record = TestCase(key="ACME-T1", name="A")
    for transform in got.build(schema):
        record = transform(record)
    assert record == TestCase(key="ACME-T1", name="AF1F2")


def test_the_mapping_is_named_by_what_it_reads_wherever_that_is(
    read: Reader,
) -> None:
    text = GOOD + '[[transform]]\nuse = "rename"\nmapping = "m.toml"\n'
    (read.folder / "m.toml").write_text("[status]\n")
    (step,) = read(text).mapping()
    assert (step.name, step.settings) == ("rename", '{"suffix":"!"}')
    assert step.files == {"m.toml": hashlib.sha256(b"[status]\n").hexdigest()}
    (read.folder / "m.toml").write_text("[priority]\n")
    assert read(text).mapping()[0].files != step.files


@pytest.mark.parametrize(
    ("named", "order"),
    [
        (["adjust"], ["adjust", "rename"]),
        (["adjust", "adjust"], ["adjust", "adjust", "rename"]),
        (["adjust", "rename"], ["adjust", "rename"]),
        (["rename", "adjust"], ["rename", "adjust"]),
    ],
)
def test_the_default_runs_after_transformers_that_only_adjust(
    read: Reader, named: list[str], order: list[str]
) -> None:
    got = read(GOOD + "".join(f'[[transform]]\nuse = "{name}"\n' for name in named))
    assert [part.plugin.name for part in got.chain()] == order


def test_a_named_transformer_that_is_a_default_too_runs_once(read: Reader) -> None:
    class Both(Shop):
        @hookimpl
        def ztoq_transformers(self) -> Iterable[TransformerPlugin[Any]]:
            for name, pair in (("words", ("remote", "*")), ("shape", ("*", "target"))):
                yield TransformerPlugin(
                    name=name,
                    summary="",
                    config=Rename,
                    build=rename,
                    default_for=(pair,),
                    keeps_default=name == "words",
                )

    read = Reader(read.folder, Plugins(Both()))
    got = read(GOOD + '[[transform]]\nuse = "words"\nsuffix = "?"\n')
    steps = [(part.plugin.name, part.settings.suffix) for part in got.chain()]
    assert steps == [("words", "?"), ("shape", "!")]


def test_a_default_whose_config_needs_keys_says_so(tmp_path: Path) -> None:
    @attrs.frozen
    class Needy:
        file: str

    class Other(Shop):
        @hookimpl
        def ztoq_transformers(self) -> Iterable[TransformerPlugin[Any]]:
            yield TransformerPlugin(
                name="needy",
                summary="",
                config=Needy,
                build=lambda _config, _scene: lambda record: record,
                default_for=(("remote", "target"),),
            )

    tables = {
        "source": {
            "use": "remote",
            "base_url": "http://127.0.0.1:1",
            "project": "A",
            "token": Secret("x"),
        },
        "sink": {"use": "target"},
    }
    got = config.from_tables(tables, Plugins(Other()), tmp_path)
    assert got.source.settings.token.reveal() == "x"
    with pytest.raises(ConfigError, match=r"missing key @ transformer needy\.file"):
        got.chain()
