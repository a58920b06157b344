"""``ztoq config init``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import attrs
import rich_click as click

from ztoq_core.cli.commands.config.config_file import write_config
from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.contracts import Connection, Secret
from ztoq_core.errors import ConfigError
from ztoq_core.http.transport import unusable_url
from ztoq_core.plugins import Plugins
from ztoq_core.settings.config import DEFAULT_FILE, DEFAULT_STORE, from_tables
from ztoq_core.settings.reader import Tables, typed
from ztoq_core.settings.secrets import unusable_variable

NONE = "-"
"""The answer for leaving something out."""
SINGLE_SIGN_ON = (
    "A token works for everybody; user name and password do not work with single sign-on."
)


@click.command()
@click.option("--source", metavar="NAME", help="Read from this plugin.")
@click.option("--source-url", metavar="URL", help="The base URL of the source's API.")
@click.option("--source-project", metavar="KEY", help="The project to read.")
@click.option(
    "--source-token-env", metavar="VAR", help="The variable that holds the source's token."
)
@click.option("--sink", metavar="NAME", help="Write to this plugin.")
@click.option("--sink-url", metavar="URL", help="The base URL of the target's site.")
@click.option("--sink-project", metavar="ID", help="The project to write.")
@click.option("--sink-token-env", metavar="VAR", help="The variable that holds the target's token.")
@click.option(
    "--sink-username",
    metavar="USER",
    help="Log in with name and password instead; does not work with single sign-on.",
)
@click.option("--sink-password-env", metavar="VAR", help="The variable that holds the password.")
@click.option("--create-fields/--no-create-fields", default=None, help="Create missing fields.")
@click.option(
    "--set",
    "others",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="Set any other key of source or sink; may be repeated.",
)
@click.option("--store", metavar="URL", help="The store.  [default: sqlite:///ztoq.db]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@verb
def init(options: Options, /, **given: Any) -> int:
    """Write ztoq.toml; on a terminal, ask for what no option says.

    It asks for a token first, which works for everybody; user name and password do not work with
    single sign-on. No secret is written: the file names the environment variables with them.

    \b
    Example:  ztoq config init --source zephyr --source-project ACME \\
                --sink qtest --sink-url https://acme.qtestnet.com --sink-project 4242
    """
    path = options.path or DEFAULT_FILE
    if path.exists() and not given["force"]:
        raise ConfigError(f"{str(path)!r} exists; --force overwrites it")
    if path.exists() and not path.is_file():
        raise ConfigError(f"{str(path)!r} is not a regular file; nothing was written")
    plugins = Plugins.installed()
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    given = {**given, **_others(given["others"])}
    tables = {
        "store": {"url": given["store"] or DEFAULT_STORE},
        "source": _Side("source", plugins, given, asks=asks).table(),
        "sink": _Side("sink", plugins, given, asks=asks).table(),
    }
    config = from_tables(tables, plugins, path.absolute().parent)
    write_config(path, tables, config)
    output = Output(options)
    missing = [name for name in _variables(tables) if not os.environ.get(name)]
    facts = {"exit": 0, "file": str(path), "missing_variables": missing}

    def print_() -> None:
        output.out.print(f"Wrote {path}.")
        for name in missing:
            output.out.print(f"Set the environment variable {name} to the secret itself.")
        output.out.print("Next: ztoq config check")

    output.result(facts, print_)
    return 0


def _others(pairs: Sequence[str]) -> dict[str, str]:
    """Return what ``--set sink.key=value`` gives as ``sink_key``."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        table, dot, key = name.partition(".")
        if not equals or not dot or table not in {"source", "sink"}:
            raise ConfigError(f"--set takes source.KEY=VALUE or sink.KEY=VALUE, not {name!r}")
        found[f"{table}_{key}"] = value
    return found


@attrs.frozen
class _Side:
    """Gathers the table of one side."""

    name: str
    plugins: Plugins
    given: Mapping[str, Any]
    asks: bool = attrs.field(kw_only=True)

    def table(self) -> dict[str, Any]:
        """Return the table; secrets as ``{ env = … }``."""
        use = self._use()
        kind = (self.plugins.source if self.name == "source" else self.plugins.sink)(use).config
        fields = _fields(kind)
        table: dict[str, Any] = {"use": use, **self._credentials(use, fields)}
        for key, field in fields.items():
            if key in table or _is_secret(field):
                continue
            if kind_within := _connection(field):
                if within := self._within(key, use, kind_within):
                    table[key] = within
                continue
            option = {"base_url": "url"}.get(key, key)
            names = (f"{self.name}_{option}", f"{self.name}_{key}")
            value = next(
                (found for each in names if (found := self.given.get(each)) is not None), None
            )
            if value is None and (field.default is attrs.NOTHING or key == "base_url"):
                known = {each: table[each] for each in table if each != "use"}
                check = partial(self._checked, kind, known, key)
                value = self._ask(option, use, field.default, check)
            if value is not None:
                table[key] = typed(_completed(value) if key == "base_url" else value)
        if "create_fields" in fields:
            table["create_fields"] = self._create_fields(use)
        if unknown := self._unknown(fields):
            table[unknown] = ""  # the config's own check names the nearest key
        return table

    def _checked(self, kind: type[Any], table: Mapping[str, Any], key: str, answer: str) -> str:
        """Return an answer that the config takes for this key.

        Raises:
            click.UsageError: It does not; asked on a terminal, click shows why and asks again.
        """
        value = _completed(answer) if key == "base_url" else answer
        problems = [problem] if key == "base_url" and (problem := unusable_url(value)) else []
        before, after = Tables(Path()), Tables(Path())
        before.structure(table, kind, self.name)
        after.structure({**table, key: typed(value)}, kind, self.name)
        problems += [
            each.rpartition(" @ ")[0]
            for each in after.problems
            if each not in before.problems and not each.startswith("missing key")
        ]
        if problems:
            raise click.UsageError("; ".join(problems))
        return value

    def _within(self, key: str, use: str, kind: type[Any]) -> dict[str, Any]:
        """Return the table of a further connection: what --set says, or answers."""
        start = f"{self.name}_{key}."
        given = {
            name.removeprefix(start): value
            for name, value in self.given.items()
            if name.startswith(start)
        }
        fields = _fields(kind)
        if not given and self.asks:
            what = (kind.__doc__ or key).split("\n", maxsplit=1)[0].rstrip(".")
            if not click.confirm(f"{use}: connect {key} too? ({what})", default=False, err=True):
                return {}
            given = self._answers_within(key, use, kind)
        if given.get("base_url") and "token" in fields:
            given.setdefault("token", _env(key))
        for name, value in given.items():
            if name in fields and _is_secret(fields[name]):
                _variable(value, f"--set {self.name}.{key}.{name}")
        return {
            name: {"env": value} if name in fields and _is_secret(fields[name]) else typed(value)
            for name, value in given.items()
        }

    def _answers_within(self, key: str, use: str, kind: type[Any]) -> dict[str, Any]:
        """Ask for a further connection; one whose site may be left out can do with its files."""
        given: dict[str, Any] = {}
        fields = _fields(kind)
        shared = {each.name for each in attrs.fields(Connection)}
        for name, field in fields.items():
            texts = {str, Path} & {field.type, *get_args(field.type)}
            if (name in shared and name != "base_url") or not texts:
                continue
            if name == "email" and not given.get("base_url"):
                continue
            needed = field.default is attrs.NOTHING

            def check(answer: str, name: str = name, *, needed: bool = needed) -> str:
                none = answer == NONE and not needed
                return answer if none else self._checked(kind, given, name, answer)

            words = "" if needed else ", or - for none"
            default = None if name == "base_url" else field.default
            answer = self._ask(f"{key} {name}{words}", use, default if needed else NONE, check)
            if answer != NONE:
                given[name] = answer
        if given.get("base_url") and "token" in fields:
            given["token"] = self._variable_of(f"{key} token", use, _env(key))
        return given

    def _unknown(self, fields: Mapping[str, Any]) -> str | None:
        """Return a key that --set gives and there is not."""
        tables = (each.partition("_") for each in _others(self.given["others"]))
        keys = (key.partition(".")[0] for table, _, key in tables if table == self.name)
        return next((key for key in keys if key not in fields), None)

    def _use(self) -> str:
        if use := self.given[self.name]:
            return str(use)
        names = [each.plugin.name for each in self.plugins.declared() if each.word == self.name]
        if not names:
            raise ConfigError(f"no {self.name} is installed; `ztoq plugins` lists what is")
        if len(names) == 1:
            return str(names[0])
        if not self.asks:
            raise ConfigError(f"name the {self.name} with --{self.name} ({', '.join(names)})")
        return str(click.prompt(f"{self.name}", type=click.Choice(names), err=True))

    def _credentials(self, use: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the secrets' places: a token, or user name and password if both exist."""
        secrets = [key for key, field in fields.items() if _is_secret(field)]
        for key in secrets:
            if f"{self.name}_{key}" in self.given:
                raise ConfigError(f"--set takes no secrets; use --{self.name}-token-env VARIABLE")
        by_name = {"token", "username", "password"} <= fields.keys() and "token" in secrets
        username = self.given.get(f"{self.name}_username")
        token = self.given.get(f"{self.name}_token_env")
        if token:
            _variable(token, f"--{self.name}-token-env")
        elif by_name and self.asks and not username:
            click.echo(SINGLE_SIGN_ON, err=True)
            token = self._variable_of("token", use, _env(use), ", or - for name and password")
            if token == NONE:
                token, username = None, self._ask("user name", use, attrs.NOTHING)
        if by_name and username:
            variable = self.given.get(f"{self.name}_password_env")
            if variable:
                _variable(variable, f"--{self.name}-password-env")
            variable = variable or self._variable_of("password", use, _env(use, "PASSWORD"))
            return {"username": typed(username), "password": {"env": variable}}
        table = {}
        for key in secrets:
            if fields[key].default is attrs.NOTHING or key == "token":
                place = token if key == "token" else None
                table[key] = {"env": place or self._variable_of(key, use, _env(use, key.upper()))}
        return table

    def _variable_of(self, what: str, use: str, default: str, otherwise: str = "") -> str:
        """Ask for the name of the variable with a secret; the default without a terminal."""
        if not self.asks:
            return default

        def check(answer: str) -> str:
            if otherwise and answer == NONE:
                return answer
            if problem := unusable_variable(answer):
                raise click.UsageError(problem)
            return answer

        question = (
            f"Name of the environment variable that holds the {use} {what} "
            f"(not the {what.rpartition(' ')[2]} itself{otherwise})"
        )
        return str(click.prompt(question, default=default, value_proc=check, err=True))

    def _create_fields(self, use: str) -> bool:
        answer = self.given.get("create_fields")
        if answer is None and self.asks:
            text = f"{use}: may ztoq create missing fields (needs administrator permissions)?"
            answer = click.confirm(text, default=False, err=True)
        return bool(answer)

    def _ask(self, option: str, use: str, default: Any, check: Callable[[str], str] = str) -> str:
        """Ask until the answer can be used; without a terminal, take the default.

        Raises:
            ConfigError: There is no terminal and no default.
        """
        known = str(default) if isinstance(default, str | int) else None
        if self.asks:
            text = f"{use}: {option}"
            return str(click.prompt(text, default=known, value_proc=check, err=True))
        if known is None:
            known_option = f"{self.name}_{option}" in self.given
            how = f"--{self.name}-{option}" if known_option else f"--set {self.name}.{option}=…"
            raise ConfigError(f"name the {self.name}'s {option} with {how}")
        return known


def _fields(kind: type[Any]) -> dict[str, Any]:
    return {each.name: each for each in attrs.fields(attrs.resolve_types(kind))}


def _variable(name: str, option: str) -> None:
    """Refuse what cannot be the name of a variable, without quoting it.

    Raises:
        ConfigError: It cannot.
    """
    if problem := unusable_variable(name):
        raise ConfigError(f"{option} takes the name of an environment variable: {problem}")


def _completed(url: str) -> str:
    """Return the URL with ``https://`` in front where people left it out."""
    url = url.strip()
    return url if "://" in url or not url else f"https://{url}"


def _env(use: str, what: str = "TOKEN") -> str:
    return f"{use.upper().replace('-', '_')}_{what}"


def _is_secret(field: Any) -> bool:
    kinds = (field.type, *get_args(field.type))
    return Secret in kinds and str not in kinds


def _connection(field: Any) -> type[Any] | None:
    """Return the class of a further connection that a field may hold, or None."""
    kinds = (each for each in (field.type, *get_args(field.type)) if isinstance(each, type))
    return next((each for each in kinds if issubclass(each, Connection)), None)


def _variables(table: Mapping[str, Any]) -> list[str]:
    """Return the environment variables that a table names, tables within included."""
    found: list[str] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            found += _variables(value)
        elif key == "env":
            found.append(value)
    return found
