"""No piece of a password shows, wherever a URL is shown and however it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ztoq_core.contracts import Connection
from ztoq_core.errors import ConfigError, StoreError, ZtoqError
from ztoq_core.http.transport import Transport
from ztoq_core.redaction import redacted
from ztoq_core.settings.secrets import show
from ztoq_core.store import Store

SCHEMES = ("", "//", "http://", "https://", "postgresql://", "postgresql+psycopg://", "socks5://")
HOSTS = ("proxy.example.com", "proxy.example.com:8080", "10.0.0.1:1", "[::1]:5432", "")
PATHS = ("", "/", "/ztoq", "/a@b/c")

# pieces of four characters that stand nowhere else, joined by what URLs are cut at
PIECES = st.lists(st.sampled_from(["QQ11", "WW22", "JJ33"]), min_size=1, max_size=4)
SIGNS = st.sampled_from(
    ["@", "/", ":", "?", "#", "%", "&", "=", ";", "[", "]", " ", "\\", "//", "@@"]
)
PASSWORDS = st.builds(lambda pieces, sign: sign.join(pieces), PIECES, SIGNS)


def leaks(shown: str) -> bool:
    return any(piece in shown for piece in ("QQ11", "WW22", "JJ33"))


@given(st.sampled_from(SCHEMES), PASSWORDS, st.sampled_from(HOSTS), st.sampled_from(PATHS))
@example("", "QQ11@WW22", "proxy.example.com:8080", "")
@example("http://", "QQ11/WW22", "proxy.example.com:8080", "/")
def test_a_password_before_the_host_is_hidden(
    scheme: str, password: str, host: str, path: str
) -> None:
    assert not leaks(redacted(f"{scheme}me:{password}@{host}{path}"))


@given(
    st.sampled_from(SCHEMES[1:]),
    st.sampled_from(HOSTS),
    st.sampled_from(PATHS),
    st.sampled_from("?#;"),
    PASSWORDS,
)
def test_a_password_in_the_query_is_hidden(
    scheme: str, host: str, path: str, sign: str, password: str
) -> None:
    assert not leaks(redacted(f"{scheme}{host}{path}{sign}user=me&password={password}"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.example.com/v2", "https://api.example.com/v2"),
        ("proxy.example.com:8080", "proxy.example.com:8080"),
        ("http://me:pw@proxy.example.com:8080", "http://***@proxy.example.com:8080"),
        ("me:p@w/x@proxy.example.com:8080", "***@proxy.example.com:8080"),
        ("postgresql://db.example.com/ztoq?password=pw", "postgresql://db.example.com/ztoq?***"),
        ("postgresql://me:p?w@db.example.com/ztoq", "postgresql://***"),
        ("host=db user=me password=pw", "***"),
        ("sqlite:///ztoq.db", "sqlite:///ztoq.db"),
        ("ztoq.db", "ztoq.db"),
        ("", ""),
    ],
)
def test_what_is_no_secret_stays(url: str, shown: str) -> None:
    assert redacted(url) == shown


@given(st.sampled_from(SCHEMES), PASSWORDS, st.sampled_from(HOSTS))
def test_settings_show_no_proxys_password(scheme: str, password: str, host: str) -> None:
    connection = Connection(base_url="https://x.example", proxy=f"{scheme}me:{password}@{host}")
    assert not leaks(str(show(connection)))
    assert not leaks(str(show({"url": connection.proxy})))


def test_settings_show_names_and_sentences() -> None:
    plain = {"username": "me@example.com", "name": "Is it done?", "path": "a#b;c"}
    assert show(plain) == plain


@given(st.sampled_from(SCHEMES), PASSWORDS, st.sampled_from(HOSTS))
def test_a_base_url_that_cannot_be_used_shows_no_password(
    scheme: str, password: str, host: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Transport(Connection(base_url=f"{scheme}me:{password}@{host}"))
    assert not leaks(f"{caught.value}{caught.value.__cause__}")


@pytest.mark.parametrize("password", ["QQ11/WW22", "QQ11@WW22", "QQ11:WW22", "QQ11?WW22", "[QQ11"])
@pytest.mark.parametrize("place", ["me:{}@db.invalid:1/x", "db.invalid:1/x?password={}"])
def test_a_store_that_cannot_be_opened_shows_no_password(
    password: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for scheme in ("postgresql", "mysql"):
        with pytest.raises((ConfigError, StoreError)) as caught:
            Store(f"{scheme}://{place.format(password)}", create=True).__enter__()
        error: BaseException | None = caught.value
        assert isinstance(error, ZtoqError)
        assert not leaks(str(error))
