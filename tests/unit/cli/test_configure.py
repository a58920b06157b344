from __future__ import annotations

import io
import json
import tomllib
from typing import Any
from unittest.mock import Mock

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ztoq_testkit import MemorySink

from tests.unit.cli.conftest import Program, Said
from tests.unit.cli.memory_shop import SINKS
from ztoq_core.plugin import (
    Connection,
    FieldSpec,
    FieldType,
    Kind,
    Schema,
    SinkPlugin,
    SourcePlugin,
    hookimpl,
)
from ztoq_core.plugins import Plugins


def test_show_prints_effective_settings_and_no_secret(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    ztoq.config(source='token = { env = "MY_TOKEN" }')
    said = ztoq("config", "show")
    assert said.code == 0
    shown = tomllib.loads(said.out)
    assert shown["source"]["token"] == {"env": "MY_TOKEN"}
    assert 'token = {env = "MY_TOKEN"}' in said.out
    assert "s3cret" not in said.out
    assert shown["store"] == {"url": "sqlite:///ztoq.db"}
    assert shown["sink"]["create_fields"] is True
    assert ztoq("--json", "config", "show").result["config"] == shown


def test_the_checklist_has_a_box_for_each_right_and_side_effect(ztoq: Program) -> None:
    said = ztoq("config", "check", "--checklist").out
    assert "Rights of the account in memory" in said
    assert "[ ] remember\n      for extract; without it: nothing is read" in said
    assert "[ ] learn\n      for load, validate; without it: nothing is written" in said
    assert "[ ] Memory fills." in said
    assert "[ ]" not in ztoq("config", "check").out
    found = ztoq("--json", "config", "check", "--checklist").result["checklist"]
    assert [each["right"] for each in found["rights"]] == ["remember", "learn"]
    assert found["side_effects"] == ["Memory fills."]


def test_a_user_name_may_be_in_the_environment(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    ztoq.config(sink='username = { env = "MY_NAME" }')
    assert 'username = {env = "MY_NAME"}' in ztoq("config", "show").out
    refused = ztoq("config", "check")
    assert refused.code == 2
    assert "sink.username: the environment variable 'MY_NAME' is not set" in refused.out
    monkeypatch.setenv("MY_NAME", "quinn")
    assert ztoq("config", "check").code == 0
    assert "quinn" not in ztoq("config", "show").out


PIECES = st.lists(st.sampled_from(["QQ11", "WW22", "JJ33"]), min_size=1, max_size=4)
SIGNS = st.sampled_from(["@", "/", ":", "?", "#", "%", "&", "=", ";", "[", "]", " ", "//", "@@"])
SHAPES = (
    *("{}me:{}@host.example.com:8080/x", "{}host.example.com/x?user=me&password={}"),
    *("{}host.example.com/x#password={}", "{}me:{}@", "{}me:{}@[::1]:5432/a@b"),
)


@given(
    scheme=st.sampled_from(("", "//", "http://", "postgresql://", "postgresql+psycopg://")),
    password=st.builds(lambda pieces, sign: sign.join(pieces), PIECES, SIGNS),
    shape=st.sampled_from(SHAPES),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_show_prints_no_piece_of_a_password_in_a_url(
    ztoq: Program, scheme: str, password: str, shape: str
) -> None:
    url = json.dumps(shape.format(scheme, password))
    ztoq.config(
        source=f'beside = {{ base_url = "https://x.example", proxy = {url} }}',
        more=f"[store]\nurl = {url}",
    )
    refused = ztoq("config", "show")
    ztoq.config(source=f'beside = {{ base_url = "https://x.example", proxy = {url} }}')
    shown = ztoq("config", "show")
    assert shown.code == 0
    said = refused.out + refused.err + shown.out + shown.err
    assert not [piece for piece in ("QQ11", "WW22", "JJ33") if piece in said]


def test_check_tells_what_both_sides_say(ztoq: Program) -> None:
    ztoq.config(
        source='finding = "warning"',
        more='[[transform]]\nuse = "suffix"\nfinding = "info"\n',
    )
    said = ztoq("config", "check")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "warning: source: The licence ends tomorrow"
    assert "info: transform[0]: A mapping's remark" in lines
    assert lines[-1] == "No errors, 1 warning. Next: ztoq migrate"
    assert not (ztoq.folder / "ztoq.db").exists()


def test_check_says_that_no_mapping_applies(ztoq: Program) -> None:
    assert "no default mapping for this pair" in ztoq("config", "check").out


@pytest.mark.parametrize(
    ("how", "code"), [("refused", 2), ("not there", 2), ("silent", 3), ("", 0)]
)
def test_check_ends_as_a_run_would(ztoq: Program, how: str, code: int) -> None:
    ztoq.config(sink=f'at_check = "{how}"')
    said = ztoq("--json", "config", "check")
    assert said.code == said.result["exit"] == code


def test_check_tells_each_problem_of_a_config_on_a_line_of_its_own(ztoq: Program) -> None:
    ztoq.config(more='[[transform]]\nuse = "suffix"\nwrong = ["one", "two"]\n')
    said = ztoq("config", "check")
    assert said.code == 2
    assert [line for line in said.out.splitlines() if "transform" in line] == [
        "error: transform: one",
        "error: transform: two",
    ]
    assert (
        said.out.splitlines()[-1]
        == "2 errors: a migration would stop at once. Fix them, then run this again."
    )


def test_check_looks_at_both_sides_even_if_the_first_fails(ztoq: Program) -> None:
    ztoq.config(source='token = { env = "NO_SUCH" }', sink="fields_known = false")
    said = ztoq("config", "check")
    assert said.code == 2
    assert "error: source: source.token: the environment variable 'NO_SUCH'" in said.out
    assert "--accept-missing-fields" in said.out


def test_check_says_what_is_wrong_with_the_chain(ztoq: Program) -> None:
    ztoq.config(more='[[transform]]\nuse = "suffix"\nfinding = "error"\n')
    said = ztoq("config", "check")
    assert said.code == 2
    assert "error: transform[0]: A mapping's remark" in said.out


# ------------------------------------------------------------------------------------------ init


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def init(ztoq: Program, *more: str) -> Said:
    arguments = ("--config", "new.toml", "config", "init", "--source", "memory", *more)
    return ztoq(*arguments, "--sink", "memory", "--set", "sink.name=here")


def written(ztoq: Program) -> dict[str, Any]:
    return tomllib.loads((ztoq.folder / "new.toml").read_text())


def test_init_writes_a_config_from_options(ztoq: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORY_TOKEN", "s3cret")
    said = init(
        ztoq, "--source-project", "ACME", "--sink-project", "4242", "--no-create-fields",
        "--source-token-env", "A_TOKEN",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.out == (
        "Wrote new.toml.\nSet the environment variable A_TOKEN to the secret itself.\n"
        "Next: ztoq config check\n"
    )
    assert written(ztoq) == {
        "store": {"url": "sqlite:///ztoq.db"},
        "source": {"use": "memory", "token": {"env": "A_TOKEN"}, "project": "ACME"},
        "sink": {
            "use": "memory",
            "token": {"env": "MEMORY_TOKEN"},
            "name": "here",
            "project": 4242,
            "create_fields": False,
        },
    }
    text = (ztoq.folder / "new.toml").read_text()
    assert "s3cret" not in text
    assert "# Only read, never written." in text
    monkeypatch.setenv("A_TOKEN", "x")
    assert ztoq("--config", "new.toml", "config", "check").code == 0


def test_init_takes_name_and_password_instead_of_a_token(ztoq: Program) -> None:
    said = init(ztoq, "--source-project", "ACME", "--sink-username", "me")
    assert said.code == 0, said.err
    assert written(ztoq)["sink"]["username"] == "me"
    assert written(ztoq)["sink"]["password"] == {"env": "MEMORY_PASSWORD"}
    assert "token" not in written(ztoq)["sink"]


def test_init_overwrites_only_by_force(ztoq: Program) -> None:
    assert init(ztoq, "--source-project", "ACME").code == 0
    said = init(ztoq, "--source-project", "OTHER")
    assert said.code == 2
    assert "'new.toml' exists; --force overwrites it" in said.err
    assert init(ztoq, "--source-project", "OTHER", "--force").code == 0
    assert written(ztoq)["source"]["project"] == "OTHER"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the source's project with --source-project"),
        (("--source-project", "A", "--sink-project", "x"), "expected a whole number"),
        (("--source-project", "A", "--set", "sink.nmae=x"), "did you mean 'name'?"),
        (("--source-project", "A", "--set", "nmae=x"), "--set takes source.KEY=VALUE"),
    ],
)
def test_init_without_a_terminal_names_what_is_missing_or_wrong(
    ztoq: Program, arguments: tuple[str, ...], message: str
) -> None:
    said = init(ztoq, *arguments)
    assert said.code == 2
    assert message in said.err
    assert not (ztoq.folder / "new.toml").exists()


def test_init_names_the_option_for_a_key_of_a_plugins_own(ztoq: Program) -> None:
    said = ztoq("--config", "new.toml", "config", "init", "--source-project", "ACME")
    assert said.code == 2
    assert "name the sink's name with --set sink.name=" in said.err


def test_init_says_where_it_cannot_write(ztoq: Program) -> None:
    said = ztoq(
        "--config", "no/such/new.toml", "config", "init", "--source-project", "A",
        "--set", "sink.name=x",
    )  # fmt: skip
    assert said.code == 2
    assert "cannot write 'no/such/new.toml'" in said.err


def test_init_asks_on_a_terminal_token_first(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    err = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal("\nACME\n\n-\nme\n\nhere\ny\n"))
    monkeypatch.setattr("sys.stderr", err)
    assert ztoq("--config", "new.toml", "config", "init").code == 0
    asked = err.getvalue()
    assert asked.index("holds the memory token (not the token itself)") < asked.index("project")
    assert "user name and password do not work with single sign-on" in asked.replace("\n", " ")
    assert written(ztoq)["source"] == {
        "use": "memory",
        "token": {"env": "MEMORY_TOKEN"},
        "project": "ACME",
    }
    assert written(ztoq)["sink"] == {
        "use": "memory",
        "username": "me",
        "password": {"env": "MEMORY_PASSWORD"},
        "name": "here",
        "create_fields": True,
    }


@pytest.mark.parametrize("email", ["-", "me@example.com"])
def test_init_asks_for_a_connection_that_is_optional(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    err = Terminal()
    answers = f"\nACME\ny\nbeside.example.com\n{email}\n-\n\n-\nme\n\nhere\ny\n"
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    monkeypatch.setattr("sys.stderr", err)
    assert ztoq("--config", "new.toml", "config", "init").code == 0
    assert "connect beside too? (What knows more than memory does)" in err.getvalue()
    assert written(ztoq)["source"]["beside"] == {
        "base_url": "https://beside.example.com",
        **({"email": email} if email != "-" else {}),
        "token": {"env": "BESIDE_TOKEN"},
    }


SECRETS = {
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJjb250ZXh0Ijp7fX0.abcSECRETabc",
    "uuid": "7a2f7c3e-1b5d-4f6a-9e77-0123456789ab",
    "hex": "5f4dcc3b5aa765d61d8327deb882cf99",
    "blanks": "my secret token!",
    "mixed": "AbCdEf12GhIj",
    "long": "x" * 70,
    "word": "opensesame",
    "base32": "JBSWY3DPEHPK3PXP",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_pasted_for_its_variable_is_asked_again_and_never_shown_or_written(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    err = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(f"{secret}\n\nACME\nn\n-\nme\n{secret}\n\nhere\ny\n"))
    monkeypatch.setattr("sys.stderr", err)
    said = ztoq("--config", "new.toml", "config", "init")
    assert said.code == 0
    assert err.getvalue().count("Error: that ") == 2
    everything = err.getvalue() + said.out + (ztoq.folder / "new.toml").read_text()
    assert secret not in everything
    assert written(ztoq)["source"]["token"] == {"env": "MEMORY_TOKEN"}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize(
    "option", ["--source-token-env", "--sink-token-env", "--sink-password-env"]
)
def test_a_secret_given_for_its_variable_is_refused_and_never_shown(
    ztoq: Program, option: str, secret: str
) -> None:
    said = init(ztoq, "--source-project", "A", "--sink-username", "me", option, secret)
    assert said.code == 2
    assert "the name of an environment variable" in said.err
    assert secret not in said.err + said.out
    assert not (ztoq.folder / "new.toml").exists()


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("place", ["env", "file", "keyring"])
@pytest.mark.parametrize(
    "verb", [("config", "check"), ("config", "show"), ("migrate",), ("status", "-vv", "--debug")]
)
def test_a_secret_in_the_place_of_its_name_is_shown_by_no_verb(
    ztoq: Program, verb: tuple[str, ...], place: str, secret: str
) -> None:
    if place != "env" and secret not in {SECRETS["jwt"], SECRETS["hex"], SECRETS["long"]}:
        secret = SECRETS["jwt"]  # these may well be the names of a file
    ztoq.config(source=f'token = {{ {place} = "{secret}" }}')
    said = ztoq(*verb)
    assert secret not in said.out + said.err
    if place == "env":
        assert said.code == 2
        assert "***" in said.err


def test_init_asks_again_for_one_answer_and_keeps_the_others(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    err = Terminal()
    answers = "\nACME\ny\nftp://x\nb.example.com\n-\npeople.csv\n\n\nhere\nn\n"
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    monkeypatch.setattr("sys.stderr", err)
    assert ztoq("--config", "new.toml", "config", "init").code == 0
    assert err.getvalue().count("Error: ") == 1
    assert written(ztoq)["source"]["beside"] == {
        "base_url": "https://b.example.com",
        "people": "people.csv",
        "token": {"env": "BESIDE_TOKEN"},
    }
    assert written(ztoq)["source"]["project"] == "ACME"


def test_init_takes_files_alone_for_an_optional_connection(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("\nACME\ny\n-\npeople.csv\n\nhere\nn\n"))
    monkeypatch.setattr("sys.stderr", Terminal())
    assert ztoq("--config", "new.toml", "config", "init").code == 0
    assert written(ztoq)["source"]["beside"] == {"people": "people.csv"}


def test_init_writes_a_file_that_only_its_owner_reads(ztoq: Program) -> None:
    path = ztoq.folder / "new.toml"
    assert init(ztoq, "--source-project", "ACME").code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    assert init(ztoq, "--source-project", "ACME", "--force").code == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_init_replaces_no_device(ztoq: Program) -> None:
    said = ztoq("--config", "/dev/null", "config", "init", "--force")
    assert said.code == 2
    assert "not a regular file" in said.err


def test_init_takes_an_optional_connection_from_options(ztoq: Program) -> None:
    said = init(
        ztoq, "--source-project", "ACME", "--set", "source.beside.base_url=https://b.example.com",
        "--set", "source.beside.in_flight=3", "--set", "source.beside.people=people.csv",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "Set the environment variable BESIDE_TOKEN" in said.out
    assert written(ztoq)["source"]["beside"] == {
        "base_url": "https://b.example.com",
        "in_flight": 3,
        "people": "people.csv",
        "token": {"env": "BESIDE_TOKEN"},
    }
    said = init(ztoq, "--source-project", "A", "--force", "--set", "source.beside.peple=x")
    assert said.code == 2
    assert "unknown key 'peple' (did you mean 'people'?) @ source.beside" in said.err


@attrs.frozen(kw_only=True)
class Web(Connection):
    base_url: str = "https://web.example.com"


class WebPlugins:
    @hookimpl
    def ztoq_sources(self) -> list[SourcePlugin[Web]]:
        return [SourcePlugin(name="web", summary="", config=Web, open=Mock())]

    @hookimpl
    def ztoq_sinks(self) -> list[SinkPlugin[Web]]:
        return [SinkPlugin(name="web", summary="", config=Web, open=Mock())]


def test_init_takes_the_url_as_an_option_and_as_any_other_key(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plugins, "installed", lambda: Plugins(WebPlugins()))
    said = ztoq(
        "--config", "new.toml", "config", "init", "--source-url", "one.example.com",
        "--set", "sink.base_url=two.example.com",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert written(ztoq)["source"]["base_url"] == "https://one.example.com"
    assert written(ztoq)["sink"]["base_url"] == "https://two.example.com"


def test_init_needs_plugins(ztoq: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ztoq_core.plugins.entry_points", lambda group: [][: len(group)])
    said = ztoq("--config", "new.toml", "config", "init")
    assert said.code == 2
    assert "no source is installed" in said.err


def test_fields_shows_what_is_there_and_what_is_missing(ztoq: Program) -> None:
    ztoq.config(sink="create_fields = false", more='[[transform]]\nuse = "suffix"\n')
    said = ztoq("config", "fields")
    assert said.code == 0
    assert "Nothing is mapped yet" in said.out
    ztoq("extract")
    ztoq("transform")
    said = ztoq("config", "fields")
    assert said.code == 0
    assert "  - test case: a field 'Browser' of type text (1 record)" in said.out
    result = ztoq("--json", "config", "fields").result
    assert [each["name"] for each in result["missing"]] == ["Browser"]
    assert ztoq.keys == []


def test_fields_says_where_nothing_is_missing(ztoq: Program) -> None:
    ztoq("migrate")
    field = FieldSpec(
        kind=Kind.TEST_CASE, name="Browser", type=FieldType.CHOICE, values=tuple("abcdefg")
    )
    ztoq.sink.schema = attrs.evolve(ztoq.sink.schema, fields=(field,))
    said = ztoq("config", "fields")
    assert "a, b, c, d, e and 2 more" in said.out
    assert said.out.splitlines()[-1] == "The target has all fields that the mapped records need."


def test_check_counts_the_fields_that_the_target_lacks(ztoq: Program) -> None:
    ztoq.config(sink="create_fields = false", more='[[transform]]\nuse = "suffix"\n')
    ztoq("extract")
    assert "lacks" not in ztoq("config", "check").out
    ztoq("transform")
    checked = ztoq("config", "check")
    assert checked.code == 0
    assert "warning: sink: the target lacks 1 field that the mapped records need" in checked.out
    ztoq.config(sink="create_fields = true", more='[[transform]]\nuse = "suffix"\n')
    assert "lacks" not in ztoq("config", "check").out


def test_fields_that_cannot_be_listed_are_said_to_be(ztoq: Program) -> None:
    ztoq.config(sink="fields_known = false")
    assert "cannot be listed with these credentials" in ztoq("config", "fields").out
    ztoq.config(sink="fields_known = false", more='[[transform]]\nuse = "suffix"\n')
    ztoq("extract")
    ztoq("transform")
    assert (
        "The target may lack these fields; its administrator can create them:"
        in ztoq("config", "fields").out
    )
    assert "it may lack what the records need" in ztoq("load").err


def test_fields_are_written_to_a_file(ztoq: Program) -> None:
    ztoq.config(sink='exports = "yes"')
    path = ztoq.folder / "fields.json"
    said = ztoq("config", "fields", "--write", str(path))
    assert said.code == 0
    assert f'fields_file = "{path}"' in said.out
    assert json.loads(path.read_text("utf-8")) == {"fields": ["Gr\u00f6sse"]}
    assert ztoq("--json", "config", "fields", "--write", str(path)).result["file"] == str(path)


@pytest.mark.parametrize(
    ("sink", "file", "text"),
    [
        ("", "fields.json", "the sink 'memory' cannot export its field definitions"),
        ('exports = "forbidden"', "fields.json", "somebody who may list the fields"),
        ('exports = "yes"', "none/fields.json", "No such file or directory"),
    ],
)
def test_fields_that_cannot_be_written_end_with_2(
    ztoq: Program, sink: str, file: str, text: str
) -> None:
    ztoq.config(sink=sink)
    said = ztoq("config", "fields", "--write", str(ztoq.folder / file))
    assert said.code == 2
    assert text in said.err
    assert not (ztoq.folder / file).exists()


def test_check_names_the_required_fields_that_records_lack(ztoq: Program) -> None:
    spec = FieldSpec(
        kind=Kind.TEST_CASE, name="Risk", type=FieldType.CHOICE, values=("Low",), required=True
    )
    SINKS[str(ztoq.folder)] = MemorySink(schema=Schema(fields=(spec,)))
    before = ztoq("config", "check")
    assert before.code == 0
    assert "the target requires 'Risk' of each test case (one of 'Low')" in before.out
    ztoq("extract")
    ztoq("transform")
    after = ztoq("config", "check")
    assert after.code == 2
    assert "the required field 'Risk' has no value in 2 records: map a constant" in after.out
