"""Secrets of a config: kept elsewhere, looked up when they are needed, never shown."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tests.unit.config.shop import (
    GOOD,
    Reader,
)
from ztoq_core.errors import ConfigError
from ztoq_core.plugin import (
    Secret,
)


def test_a_secret_is_looked_up_when_needed_and_only_then(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = read(GOOD)
    with pytest.raises(ConfigError) as caught:
        got.source.require()
    assert str(caught.value) == (
        "source.token: the environment variable 'MY_TOKEN' is not set or is empty; "
        "put the secret there"
    )
    monkeypatch.setenv("MY_TOKEN", " s3cret\n")
    got.source.require()
    assert got.source.settings.token.reveal() == "s3cret"
    monkeypatch.delenv("MY_TOKEN")
    assert got.source.settings.token.reveal() == "s3cret"


def test_nested_secrets_are_required_too(read: Reader) -> None:
    accounts = 'accounts = [{ password = { env = "NOT_SET" } }]'
    got = read(GOOD.replace('{ env = "MY_TOKEN" }', '{ file = "t" }\n' + accounts))
    (read.folder / "t").write_text("x")
    with pytest.raises(ConfigError, match=r"source\.accounts\[0\]\.password: .*'NOT_SET'"):
        got.source.require()


def test_a_secret_in_a_file_counts_from_the_config(read: Reader) -> None:
    got = read(GOOD.replace("env", "file").replace("MY_TOKEN", "token.txt"))
    token = got.source.settings.token
    with pytest.raises(ConfigError, match=r"token\.txt.*No such file"):
        token.reveal()
    (read.folder / "token.txt").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not text"):
        token.reveal()
    (read.folder / "token.txt").write_text("from-file\n")
    assert token.reveal() == "from-file"


def test_a_secret_in_the_keyring(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    class KeyringError(Exception):
        pass

    def get_password(service: str, user: str) -> str | None:
        if user == "locked":
            raise KeyringError("locked")
        return f"{service}:{user}" if user == "me" else None

    ring, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    vars(ring)["get_password"] = get_password
    vars(errors)["KeyringError"] = KeyringError
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)

    def token(name: str) -> Secret:
        text = GOOD.replace("env", "keyring").replace("MY_TOKEN", name)
        secret: Secret = read(text).source.settings.token
        return secret

    assert token("zephyr/me").reveal() == "zephyr:me"
    assert token("me").reveal() == "ztoq:me"
    with pytest.raises(ConfigError, match="keyring entry 'zephyr/you' is not set"):
        token("zephyr/you").reveal()
    with pytest.raises(ConfigError, match="'locked': it cannot be read: locked"):
        token("locked").reveal()
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match=r"install ztoq-core\[keyring\]"):
        token("zephyr/me").reveal()


def test_nothing_prints_a_secret(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    got = read(
        GOOD.replace(
            'project = "ACME"', 'project = "ACME"\nproxy = "http://me:pa55@proxy.example.com:3128"'
        )
    )
    got.source.require()
    shown = got.shown()
    assert shown["source"]["token"] == {"env": "MY_TOKEN"}
    assert shown["source"]["proxy"] == "http://***@proxy.example.com:3128"
    assert f"{got.source.settings.token}" == "***"
    for text in (str(shown), repr(got.source.settings.token)):
        assert "s3cret" not in text
        assert "pa55" not in text


def test_all_effective_settings_are_shown(read: Reader) -> None:
    shown = read(GOOD + '[log]\nfile = "a.log"\n').shown()
    assert shown["source"]["use"] == "remote"
    assert shown["source"]["files"] == ["cases", "cycles"]
    assert shown["sink"]["create_fields"] is False
    assert shown["transform"] == [{"use": "rename", "suffix": "!"}]
    assert shown["log"] == {"file": str(read.folder / "a.log")}
