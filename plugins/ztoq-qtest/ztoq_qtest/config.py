"""The ``[sink]`` table of a qTest connection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from ztoq_core.plugin import Connection, Secret

LABEL_LENGTH = 100  # of a field label (qTest help, field settings)


def _among(*words: str) -> Callable[[object, attrs.Attribute[str], str], None]:
    def check(_: object, attribute: attrs.Attribute[str], value: str) -> None:
        if value not in words:
            raise ValueError(
                f"{attribute.name} is {value!r}; it must be one of: {', '.join(words)}"
            )

    return check


def _positive(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value < 1:
        raise ValueError(
            f"{attribute.name} is {value}; it is the number in the site's URL, /p/4242/"
        )


def _label(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip() or len(value) > LABEL_LENGTH:
        raise ValueError(f"{attribute.name} takes 1 to {LABEL_LENGTH} characters")


def _not_negative(_: object, attribute: attrs.Attribute[float | None], value: float | None) -> None:
    if value is not None and value < 0:
        raise ValueError(f"{attribute.name} is {value}; it is a time in seconds")


@attrs.frozen(kw_only=True)
class QtestConfig(Connection):
    """The site, the credentials, and the choices that a migration has to make.

    ``project`` is the number in the site's URL, ``/p/4242/``. Either ``token`` (Resources > API &
    SDK of the site; a pasted ``Bearer`` is removed) or ``username`` with ``password`` (not for
    users of single sign-on).

    ``create_fields``: create fields and allowed values that are missing. ``approve``: the cases to
    approve: ``needed`` (executed ones, and those that the mapping names), ``all``, ``none``.
    ``plans``: a test plan becomes a ``release`` or a ``cycle``. ``cycle_files``: where the
    mapping puts files of cycles. ``requirements``: for an issue without a requirement in the
    project, create one (``create``), report it to be retrieved from Jira (``link-only``), or
    ``auto``: the latter if the project mirrors Jira, else the former. ``root_module`` and
    ``root_cycle`` are names of a module and a test cycle that this migration creates around
    everything else. ``source_name`` is what people call the source's product, in labels and texts;
    the config fills it. ``key_field`` is the label of the field that holds the source's key, and
    the words before the key in texts ("Zephyr key" for Zephyr). ``search_lag`` is in seconds.
    ``fields_file`` holds the project's fields (``ztoq config fields --write``), for a token that
    may not list them.
    ``file_limit`` is the most bytes of a file that the site takes (50 MB in the cloud by its help
    pages, elsewhere what its administrator set): a plan names larger files.
    """

    project: int = attrs.field(validator=_positive)
    token: Secret | None = None
    username: str | Secret | None = None
    password: Secret | None = None
    create_fields: bool = False
    approve: str = attrs.field(default="needed", validator=_among("needed", "all", "none"))
    plans: str = attrs.field(default="release", validator=_among("release", "cycle"))
    cycle_files: str = attrs.field(default="case", validator=_among("case", "release", "store"))
    requirements: str = attrs.field(default="auto", validator=_among("auto", "create", "link-only"))
    root_module: str | None = None
    root_cycle: str | None = None
    source_name: str = attrs.field(default="Zephyr", validator=_label)
    key_field: str = attrs.field(validator=_label)
    file_limit: int = attrs.field(default=50_000_000, validator=_positive)
    fields_file: Path | None = None
    search_lag: float | None = attrs.field(default=None, validator=_not_negative)

    @key_field.default
    def _own_key_field(self) -> str:
        return f"{self.source_name} key"

    def __attrs_post_init__(self) -> None:
        """Refuse a wrong URL, and missing or contradictory credentials."""
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("base_url is not a URL such as https://acme.qtestnet.com")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if (self.token is None) == (self.username is None):
            raise ValueError("give either token, or username and password")

    @property
    def host(self) -> str:
        """The host and port of the site."""
        return urlsplit(self.base_url).netloc
