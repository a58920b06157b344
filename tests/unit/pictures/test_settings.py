"""The ``[images]`` table, and what its content says a picture is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config.shop import GOOD, Reader, Shop
from ztoq_core.contracts import Secret
from ztoq_core.errors import ConfigError
from ztoq_core.media import image_type
from ztoq_core.pictures.settings import TYPES, HostCredential, Images
from ztoq_core.plugins import Plugins


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    return Reader(tmp_path, Plugins(Shop()))


def test_the_table_is_read_and_shown_without_secrets(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOKIE", "jwt=s3cr3t")
    (read.folder / "kept").mkdir()
    got = read(
        GOOD
        + """
[images]
folder = "kept"
max_size = 1000
types = ["image/png", "image/svg+xml"]
allow_private = ["files.example", "10.0.0.0/8"]
timeout = 5
[[images.host]]
host = "files.example:8443"
cookie = { env = "COOKIE" }
[[images.host]]
host = "http://10.1.2.3"
username = "ann"
password = { file = "password" }
"""
    ).images
    assert got.folder == read.folder / "kept"
    assert [str(each.origin) for each in got.host] == [
        "https://files.example:8443",
        "http://10.1.2.3",
    ]
    assert got.host[0].headers() == {"Cookie": "jwt=s3cr3t"}
    shown = read(GOOD + '[[images.host]]\nhost = "a.example"\ntoken = { env = "COOKIE" }\n').shown()
    assert shown["images"]["host"] == [
        {"host": "a.example", "token": {"env": "COOKIE"}, "username": ""}
    ]


def test_pictures_are_fetched_from_public_hosts_unless_told_otherwise(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(GOOD).images == Images()
    assert "images" not in read(GOOD).shown()
    monkeypatch.setenv("ZTOQ_IMAGES_FETCH", "false")
    monkeypatch.setenv("ZTOQ_IMAGES_MAX_SIZE", "5")
    assert read(GOOD).images == Images(fetch=False, max_size=5)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("max_size = 0", "max_size must be more than 0 @ images"),
        ("timeout = 0", "timeout must be more than 0 @ images"),
        ('folder = "nowhere"', "folder: '{}/nowhere' is not a folder @ images"),
        ('allow_private = ["10.0.0/99"]', "allow_private: '10.0.0/99' is neither a host nor"),
        ('types = ["image/tiff"]', "types: 'image/tiff' cannot be recognised"),
        ("fetsh = true", "unknown key 'fetsh' (did you mean 'fetch'?) @ images"),
        ('host = [{host = "a.example"}]', "'a.example' needs one of token, password, cookie"),
        (
            'host = [{host = "a", token = {env = "A"}, cookie = {env = "B"}}]',
            "(has: token, cookie)",
        ),
        ('host = [{host = "a", token = {env = "A"}, username = "u"}]', "go together"),
        ('host = [{host = "a", password = {env = "A"}}]', "go together"),
        ('host = [{host = "ftp://a", token = {env = "A"}}]', "is not a host"),
        ('host = [{host = "a/b", token = {env = "A"}}]', "is not a host"),
        ('host = [{host = "u@a", token = {env = "A"}}]', "is not a host"),
        ('host = [{host = "a:b:c", token = {env = "A"}}]', "is not a host"),
        (
            'host = [{host = "a", token = "s3cr3t"}]',
            "the secret itself is not accepted in this file",
        ),
    ],
)
def test_a_mistake_in_the_table_is_a_line(read: Reader, table: str, line: str) -> None:
    found = read.refused(f"{GOOD}[images]\n{table}\n")
    assert any(line.format(read.folder) in each for each in found), found


def test_a_missing_secret_of_a_host_is_named_before_anything_begins(read: Reader) -> None:
    got = read(f'{GOOD}[images]\nhost = [{{host = "a", token = {{env = "NOT_SET"}}}}]\n')
    with pytest.raises(ConfigError, match=r"images\.host\[0\]\.token: .*'NOT_SET' is not set"):
        got.require_images()


def test_a_header_is_name_and_value() -> None:
    made = HostCredential(host="a", header=Secret("X-Key: a:b"))
    assert made.headers() == {"X-Key": "a:b"}
    for secret in ("s3cr3t", ": s3cr3t"):
        with pytest.raises(ConfigError, match="the header for 'a' should be NAME: VALUE"):
            HostCredential(host="a", header=Secret(secret)).headers()


@pytest.mark.parametrize(
    ("head", "type_"),
    [
        (b"\x89PNG\r\n\x1a\n..", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", ""),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "image/bmp"),
        (b"BM is what this text begins with", ""),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "image/svg+xml"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><!-- x --><SVG>", "image/svg+xml"),
        (b"<?xml version='1.0'?><html>", ""),
        (b"<!doctype html><svg>", ""),
        (b"", ""),
    ],
)
def test_what_a_picture_is_is_told_by_its_content(head: bytes, type_: str) -> None:
    assert image_type(head) == type_


def test_svg_is_not_taken_unless_it_is_named() -> None:
    """Opened by itself it runs scripts."""
    assert "image/svg+xml" not in TYPES
    assert list(Images(types=("image/svg+xml",)).problems()) == []
