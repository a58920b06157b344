"""A page or an error that came with a good status in place of a file, by types and bodies."""

from __future__ import annotations

import pytest

from ztoq_core.media import BINARY, OFFICE, PAGES, TEXTS, not_the_file

PAGE = b"\xef\xbb\xbf \n<!-- x --><!DOCTYPE html><html>Sign in</html>"
JSON = b'{"errorCode": 500, "message": "Something went wrong"}'
XML = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
BARE = b"<Error><Code>SlowDown</Code></Error>"
BODIES = {PAGE: "a web page", JSON: "a JSON text", XML: "an XML text", BARE: "an XML text"}
DECLARED = ("text/html; charset=utf-8", "application/octet-stream", "")


@pytest.mark.parametrize("ending", sorted(BINARY))
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("declared", DECLARED)
def test_no_binary_file_is_a_text(ending: str, body: bytes, declared: str) -> None:
    assert not_the_file(f"a.{ending.upper()}", declared, body) == BODIES[body]


@pytest.mark.parametrize("ending", sorted(BINARY))
def test_binary_files_pass(ending: str) -> None:
    for head in (b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"%PDF-1.7", b"", b"[1]", b"some text"):
        assert not not_the_file(f"a.{ending}", "application/octet-stream", head)
    assert not_the_file(f"a.{ending}", "text/html", b"please wait") == "a web page"


@pytest.mark.parametrize("ending", sorted(TEXTS | PAGES))
@pytest.mark.parametrize("body", BODIES)
def test_texts_may_hold_anything(ending: str, body: bytes) -> None:
    assert not not_the_file(f"a.{ending}", "application/octet-stream", body)


@pytest.mark.parametrize("ending", sorted(TEXTS - PAGES))
def test_a_page_declared_as_one_is_no_other_text(ending: str) -> None:
    assert not_the_file(f"a.{ending}", "text/html", PAGE)
    assert not not_the_file(f"a.{ending}", "text/html", b"10:00 started")


@pytest.mark.parametrize("ending", sorted(OFFICE))
def test_office_programs_save_pages_too(ending: str) -> None:
    assert not not_the_file(f"a.{ending}", "application/msword", PAGE)
    assert not not_the_file(f"a.{ending}", "application/msword", XML)
    assert not_the_file(f"a.{ending}", "text/html", PAGE)
    assert not_the_file(f"a.{ending}", "application/msword", JSON)


def test_of_unknown_endings_the_declared_type_tells() -> None:
    assert not_the_file("a.xyz", "text/html", b"please wait") == "a web page"
    assert not not_the_file("a.xyz", "application/octet-stream", PAGE)
