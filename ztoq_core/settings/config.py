"""Turns ``ztoq.toml`` into checked objects, and decides where each setting comes from.

The order is option, environment, file, default. The environment sets single keys:
``ZTOQ_SOURCE_<KEY>``, ``ZTOQ_SINK_<KEY>``, ``ZTOQ_SELECT_<KEY>``, ``ZTOQ_IMAGES_<KEY>``,
``ZTOQ_LOSSES_<GROUP>``, ``ZTOQ_STORE_URL`` and ``ZTOQ_LOG_FILE`` (and ``ZTOQ_CONFIG`` names the
file). Relative paths, that of the SQLite store too, start from the folder of the config file, so
that a run does not depend on the folder it is started from (``--log-file`` starts from the current
one). Secrets are kept elsewhere (``{ env = … }``, ``{ file = … }``, ``{ keyring = … }``) and looked
up when first needed.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import attrs

from ztoq_core.contents import sha256_of
from ztoq_core.contracts import (
    Connection,
    Schema,
    Secret,
    SinkPlugin,
    SourcePlugin,
    Transform,
    TransformContext,
    TransformerPlugin,
)
from ztoq_core.convert import show_json
from ztoq_core.errors import ConfigError, PluginError
from ztoq_core.http.transport import unusable_connection
from ztoq_core.losses import LOSSES, LossPolicy, LossRule, loss_rules, shown_rule, unknown_reasons
from ztoq_core.note_codes import NOTE_CODES
from ztoq_core.pictures.settings import Images
from ztoq_core.plugin_calls import plugin_call, wrong
from ztoq_core.plugins import LISTS, Plugins, choose_plugins, wrong_lists
from ztoq_core.records import NoteCode, counted
from ztoq_core.selection import Selection, settled
from ztoq_core.settings.reader import Tables, from_environment
from ztoq_core.settings.secrets import require_secrets, show
from ztoq_core.spelling import nearest
from ztoq_core.store import MappingStep
from ztoq_core.store.connection import unusable_store_url
from ztoq_core.text_files import read_text

P = TypeVar("P", SourcePlugin[Any], SinkPlugin[Any], TransformerPlugin[Any])

DEFAULT_FILE = Path("ztoq.toml")
DEFAULT_STORE = "sqlite:///ztoq.db"
TABLES = ("store", "source", "sink", "log", "select", "images", "losses")
MODES = ("stage", "stream")
NO_SINK = (
    "there is no [sink], the target: without one, `ztoq extract` reads the source, and `ztoq "
    "status` and `ztoq explain KEY` show what it read; for all else, the mapping too, add the "
    "table [sink] with `use` (`ztoq plugins` lists sinks)"
)


@attrs.frozen(kw_only=True)
class Part(Generic[P]):
    """A plugin with its settings, an object of the plugin's own config class."""

    name: str
    plugin: P
    settings: Any

    def require(self) -> None:
        """Look up all secrets of this part now; raises as ``require_secrets``."""
        require_secrets(self.settings, self.name)


@attrs.frozen(kw_only=True)
class Config:
    """The settings of a run. ``path`` is None if they were not read from a file.

    ``files`` is the folder for the contents of files (None: the default, see ``store_files``).
    ``streams``: files are not kept, but passed from the source to the target while loading.
    ``default_mapping`` is False if no transformers are wanted but those that the config names.
    ``target`` is the sink's part; None: there is no ``[sink]``, and the source can only be read.
    """

    path: Path | None
    folder: Path
    store: str | Secret
    files: Path | None = None
    streams: bool = False
    source: Part[SourcePlugin[Any]]
    target: Part[SinkPlugin[Any]] | None
    transforms: tuple[Part[TransformerPlugin[Any]], ...]
    log_file: Path | None
    select: Selection = attrs.field(factory=Selection)
    images: Images = attrs.field(factory=Images)
    loss_rules: Mapping[str, LossRule] = attrs.field(factory=dict)
    default_mapping: bool = True
    _plugins: Plugins

    @classmethod
    def load(cls, path: str | Path = DEFAULT_FILE, plugins: Plugins | None = None) -> Config:
        """Return the config in a file, as the command line reads it; see ``read``.

        ``plugins``: by default those that are installed.
        """
        return read(Path(path), plugins or Plugins.installed())

    @classmethod
    def of(
        cls, tables: Mapping[str, Any], *, plugins: Plugins | None = None, folder: Path = Path()
    ) -> Config:
        """Return the config in tables, as a file would have them; see ``from_tables``."""
        return from_tables(tables, plugins or Plugins.installed(), folder.absolute())

    @property
    def sink(self) -> Part[SinkPlugin[Any]]:
        """The part of the sink.

        Raises:
            ConfigError: There is no ``[sink]``.
        """
        if self.target is None:
            raise ConfigError(NO_SINK)
        return self.target

    @property
    def sides(self) -> Sequence[Part[Any]]:
        """The parts of the source and, if there is one, of the sink."""
        return (self.source, self.target) if self.target else (self.source,)

    @property
    def store_url(self) -> str:
        """The store's URL; a relative SQLite path starts from the folder of the config.

        Raises:
            ConfigError: The URL is kept elsewhere and missing there, or cannot be used.
        """
        url = self.store.reveal() if isinstance(self.store, Secret) else self.store
        for problem in unusable_store_url(url):
            raise ConfigError(problem)
        if not url.startswith("sqlite:"):
            return url
        path = Path(url.removeprefix("sqlite://").removeprefix("/")).expanduser()
        return f"sqlite:///{self.folder / path}"

    @property
    def store_files(self) -> Path | None:
        """The folder for the contents of files; None: beside the SQLite database."""
        if self.files or self.store_url.startswith("sqlite:"):
            return self.files
        database = urlsplit(self.store_url).path.strip("/") or "ztoq"
        return self.folder / f"{database}.files"

    def chain(self) -> tuple[Part[TransformerPlugin[Any]], ...]:
        """Return the transformers in order: those of the config, then the pair's defaults.

        The defaults are left out if the config names one without ``keeps_default``; what it names
        runs once. Empty: nothing is named or a default, and records pass through unchanged.

        Raises:
            ConfigError: There is no ``[sink]``.
            PluginError: The defaults are ambiguous.
        """
        sink = self.sink.plugin.name
        if not self.default_mapping or not all(
            part.plugin.keeps_default for part in self.transforms
        ):
            return self.transforms
        defaults = self._plugins.defaults(self.source.plugin.name, sink)
        reader = Tables(self.folder)
        parts = [
            _part({"use": each.name}, self._plugins.transformer, f"transformer {each.name}", reader)
            for each in defaults
            if each not in [part.plugin for part in self.transforms]
        ]
        if reader.problems:
            raise ConfigError("\n".join(reader.problems))
        return (*self.transforms, *(each for each in parts if each))

    def unmapped(self) -> str:
        """Return the warning that records are not mapped, ``""`` if they are or need not be."""
        if not self.default_mapping or self.chain():
            return ""
        text = (
            "no default mapping for this pair; records are passed through unchanged "
            "(`default_mapping = false` in the config says that this is right)"
        )
        if broken := len(self._plugins.broken()):
            some = counted(broken, "plugin")
            text += f"; {some} cannot be loaded and might have one: `ztoq plugins` says why"
        return text

    def build(self, schema: Schema) -> Sequence[Transform]:
        """Return the transformers, built for a source with this schema."""
        scene = TransformContext(
            source=schema,
            source_config=self.source.settings,
            sink_config=self.sink.settings,
        )
        return [_built(part, scene) for part in self.chain()]

    def mapping(self) -> tuple[MappingStep, ...]:
        """Return what the transformers are and read, for the report."""
        return tuple(self._step(part) for part in self.chain())

    def _step(self, part: Part[TransformerPlugin[Any]]) -> MappingStep:
        settings = attrs.asdict(part.settings, recurse=False)
        files = {
            name: each
            for name, each in settings.items()
            if isinstance(each, Path) and each.is_file()
        }
        name = f"the transformer {part.plugin.name!r}"
        with plugin_call(part.plugin.files, "files", name, ConfigError):
            named = part.plugin.files(part.settings)
        return MappingStep(
            name=part.plugin.name,
            package=self._plugins.package_of(part.plugin),
            settings=show_json(
                {name: show(value) for name, value in settings.items() if name not in files}
            ),
            files={
                name: sha256_of(path)
                for name, path in {**{each.name: each for each in files.values()}, **named}.items()
            },
        )

    @property
    def losses(self) -> LossPolicy:
        """Which losses fail, with the reasons that the plugins declare."""
        return LossPolicy(rules=self.loss_rules, codes=tuple(self._note_codes()))

    def _note_codes(self) -> Iterator[NoteCode]:
        yield from (*NOTE_CODES, *(code for part in self.sides for code in part.plugin.note_codes))
        try:
            chain = self.chain()
        except (PluginError, ConfigError):  # the stages that need it say so
            chain = self.transforms
        yield from (code for part in chain for code in part.plugin.note_codes)

    def unknown_losses(self) -> Iterator[str]:
        """Yield a line for each name in ``[losses]`` that is neither a group nor a reason."""
        if self.loss_rules.keys() - set(LOSSES):
            yield from unknown_reasons(self.loss_rules, self._note_codes())

    def require_images(self) -> None:
        """Look up the secrets of ``[[images.host]]`` now; raises as ``require_secrets``."""
        require_secrets(self.images, "images")

    def with_everything(self, **chosen: Any) -> Config:
        """Return the config with no selection but what is ``chosen``."""
        return attrs.evolve(self, select=Selection(**chosen))

    def shown(self) -> dict[str, Any]:
        """Return the effective settings as plain tables; a secret is shown as its place."""
        tables: dict[str, Any] = {"store": {"url": show(self.store)}}
        if self.files:
            tables["store"]["files"] = str(self.files)
        if self.streams:
            tables["store"]["attachments_mode"] = "stream"
        for part in self.sides:
            tables[part.name] = {"use": part.plugin.name, **show(part.settings)}
        tables["transform"] = [
            {"use": part.plugin.name, **show(part.settings)}
            for part in (self.chain() if self.target else self.transforms)
        ]
        if self.select:
            chosen = attrs.asdict(self.select, filter=lambda key, value: value != key.default)
            tables["select"] = {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in chosen.items()
            }
        if self.images != Images():
            tables["images"] = show(self.images)
        if self.loss_rules:
            tables["losses"] = {name: shown_rule(rule) for name, rule in self.loss_rules.items()}
        if self.log_file:
            tables["log"] = {"file": str(self.log_file)}
        return tables


def _built(part: Part[TransformerPlugin[Any]], scene: TransformContext) -> Transform:
    name = f"the transformer {part.plugin.name!r}"
    with plugin_call(part.plugin.build, "build", name, ConfigError):
        transform = part.plugin.build(part.settings, scene)
        if not callable(transform):
            raise wrong(transform, "a function of a record")
        return transform


def read(
    path: Path | None, plugins: Plugins, options: Mapping[str, Mapping[str, Any]] | None = None
) -> Config:
    """Return the config in the file, by default ``./ztoq.toml``.

    Raises:
        ConfigError: The file does not exist, is not TOML (with the line), or has keys or values
            that cannot be used (one line for each).
        PluginError: A plugin that it names is missing or broken.
    """
    path = path or default_path()
    hint = "write one with `ztoq config init`, or name it with --config FILE"
    text = read_text(path, "config file", hint)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = str(error).replace("at end of document", f"at line {len(text.splitlines())}")
        raise ConfigError(f"{path} is not valid TOML: {where}") from error
    above = {
        key: {**from_environment(key, tables), **(options or {}).get(key, {})} for key in TABLES
    }
    try:
        config = from_tables(tables, plugins, path.absolute().parent, above)
    except ConfigError as error:
        lines = [_blamed(line, path, options or {}) for line in str(error).splitlines()]
        raise ConfigError("\n".join(lines)) from error
    return attrs.evolve(config, path=path)


def default_path() -> Path:
    """Return where the config is, unless an option names it."""
    return Path(os.environ.get("ZTOQ_CONFIG", DEFAULT_FILE))


def _blamed(line: str, path: Path, options: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a problem with its origin in front: an option, a variable, else the file."""
    text, _, place = line.rpartition(" @ ")
    table, _, key = place.partition(".")
    if not key and table in options:  # a problem of a whole table begins with its key
        key = next((each for each in options[table] if text.startswith(each)), "")
    if key and key in options.get(table, {}):
        return f"--{key.replace('_', '-')}: {text.removeprefix(key).removeprefix(': ').strip()}"
    variable = f"ZTOQ_{table.upper()}_{key.upper()}"
    if key and variable in os.environ:
        return f"{variable}: {text}"
    return f"{path}: {line}"


def from_tables(
    tables: Mapping[str, Any],
    plugins: Plugins,
    folder: Path,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """Return the config in these tables; relative paths start from ``folder``.

    ``options`` take precedence over ``tables``; the environment is ignored. Values may be
    ``Secret`` objects (for simulators they are). Raises as ``read``.
    """
    _check_shape(tables)
    choose_plugins(plugins, tables, folder)
    reader = Tables(folder)
    layers = {key: {**tables.get(key, {}), **(options or {}).get(key, {})} for key in TABLES}
    store = reader.structure(layers["store"], StoreTable, "store")
    log = reader.structure(layers["log"], LogTable, "log")
    select = reader.structure(settled(layers["select"]), Selection, "select")
    if select:
        reader.problems += (f"{each} @ select" for each in select.problems())
    images = reader.structure(layers["images"], Images, "images")
    if images:
        reader.problems += (f"{each} @ images" for each in images.problems())
    losses = loss_rules(layers["losses"], reader.problems)
    source = _part(layers["source"], plugins.source, "source", reader)
    product = (source.plugin.product or source.plugin.name) if source else ""
    # variables of a sink that no table names are those of another project
    given = "sink" in tables or "use" in layers["sink"]
    sink = (
        _part(layers["sink"], plugins.sink, "sink", reader, source_name=product) if given else None
    )
    transforms = [
        _part(table, plugins.transformer, f"transform[{place}]", reader)
        for place, table in enumerate(tables.get("transform", ()))
    ]
    if store and isinstance(store.url, str):
        reader.problems += (f"{each} @ store.url" for each in unusable_store_url(store.url))
    if store and store.attachments_mode not in MODES:
        known = nearest(store.attachments_mode, MODES)
        reader.problems.append(
            f"there is no mode {store.attachments_mode!r}{known} @ store.attachments_mode"
        )
    if reader.problems or not (store and log and source and images and select is not None):
        raise ConfigError("\n".join(reader.problems))
    config = Config(
        path=None,
        folder=folder,
        store=store.url,
        files=store.files,
        streams=store.attachments_mode == "stream",
        source=source,
        target=sink,
        transforms=tuple(each for each in transforms if each),
        log_file=log.file,
        select=select,
        images=images,
        loss_rules=losses,
        default_mapping=tables.get("default_mapping", True),
        plugins=plugins,
    )
    if problems := list(config.unknown_losses()):
        raise ConfigError("\n".join(problems))
    return config


@attrs.frozen(kw_only=True)
class StoreTable:
    """Where the store is (``url``: SQLite or PostgreSQL), and the ``files`` of records.

    ``attachments_mode``: ``"stage"`` keeps files there, ``"stream"`` passes them on while loading.
    """

    url: str | Secret = DEFAULT_STORE
    files: Path | None = None
    attachments_mode: str = "stage"


@attrs.frozen(kw_only=True)
class LogTable:
    """``file`` takes all log lines."""

    file: Path | None = None


def _check_shape(tables: Mapping[str, Any]) -> None:
    known = (*TABLES, "transform", "default_mapping", *LISTS)
    problems = [f"unknown table {key!r}{nearest(key, known)}" for key in tables if key not in known]
    problems += [
        f"expected a table @ {key}"
        for key in TABLES
        if not isinstance(tables.get(key, {}), Mapping)
    ]
    problems += wrong_lists(tables)
    if not isinstance(tables.get("default_mapping", True), bool):
        problems.append("expected true or false @ default_mapping")
    chain = tables.get("transform", [])
    if not isinstance(chain, Sequence) or not all(isinstance(each, Mapping) for each in chain):
        problems.append("expected [[transform]], in two brackets, for each @ transform")
    if problems:
        raise ConfigError("\n".join(problems))


def _part(
    table: Mapping[str, Any], find: Callable[[str], P], name: str, reader: Tables, **given: str
) -> Part[P] | None:
    """Read the table of a plugin; ``given`` are values of keys that it leaves out, if there are."""
    use = table.get("use")
    if not isinstance(use, str):
        reader.problems.append(f"missing key @ {name}.use (the name of a plugin)")
        return None
    plugin = find(str(use))
    rest = {key: value for key, value in given.items() if key in attrs.fields_dict(plugin.config)}
    rest |= {key: value for key, value in table.items() if key != "use"}
    settings = reader.structure(rest, plugin.config, name, also=("use",))
    if settings is None:
        return None
    return Part(name=name, plugin=plugin, settings=_connected(settings, name, reader))


def _connected(settings: Any, name: str, reader: Tables) -> Any:
    """Check the connections in a settings object; return it with their paths made absolute."""
    changes = {
        key: _connected(inner, f"{name}.{key}", reader)
        for key in (field.name for field in attrs.fields(type(settings)))
        if isinstance(inner := getattr(settings, key), Connection)
    }
    if isinstance(settings, Connection):
        # a class whose base_url is empty by default works without its service
        if settings.base_url or attrs.fields(type(settings)).base_url.default:
            reader.problems += (f"{each} @ {name}" for each in unusable_connection(settings))
        changes["ca_file"] = reader.path(settings.ca_file)
        changes["client_cert"] = reader.path(settings.client_cert)
    return attrs.evolve(settings, **changes) if changes else settings
