"""Recognises file types by name and first bytes, and answers that are not the file asked for.

The only module that knows the first bytes of files.
"""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["HEAD", "not_the_file"]

HEAD = 1024
"""How many first bytes of a file the functions here need."""

SVG = "image/svg+xml"
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)
BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Sizes of the second header of a bitmap; the letters BM alone may begin any text."""

ENDINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "log": "text/plain",
    "csv": "text/csv",
    "json": "application/json",
    "xml": "application/xml",
    "html": "text/html",
    "htm": "text/html",
    "svg": SVG,
    "zip": "application/zip",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _endings(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


BINARY = _endings(
    "png jpg jpeg jpe jfif gif webp bmp tif tiff ico heic heif avif psd dcm",
    "mp4 m4v mov avi mkv webm wmv flv mpg mpeg 3gp mp3 m4a wav ogg oga ogv opus flac aac wma",
    "pdf docx docm dotx xlsx xlsm xltx xlsb pptx pptm ppsx potx vsdx odt ods odp odg",
    "one pages numbers epub msg pst mpp vsd pub",
    "zip 7z rar gz tgz bz2 tbz xz txz zst tar cab iso dmg lz4",
    "jar war ear apk aab ipa exe msi dll so class pyc wasm deb rpm nupkg whl",
    "pcap pcapng evtx dmp hprof etl sqlite sqlite3 mdb accdb parquet blf mf4",
    "ttf otf woff woff2 eot p12 pfx jks swf",
)
"""Endings of files that never begin like a web page, JSON or XML."""
OFFICE = _endings("doc dot xls xlt ppt pps pot rtf")
"""Endings under which programs also save web pages and XML."""
TEXTS = _endings(
    "txt log csv tsv json xml md rst yaml yml toml ini cfg conf properties env sql sh bat ps1 py",
    "rb js ts css java kt c h cpp cs go rs php feature robot har eml ics vcf diff patch tex srt",
) | {""}
"""Endings of text files, which may hold a web page and be declared as anything."""
PAGES = _endings("html htm xhtml shtml mht mhtml aspx jsp php svg xml")
"""Endings of files that may be web pages."""

CAME = {"page": "a web page", "JSON": "a JSON text", "XML": "an XML text", "": ""}


def media_type(name: str, head: bytes) -> str:
    """Return the media type by name, else by the first bytes; sources may not list it."""
    known = ENDINGS.get(_ending(name))
    if known:
        return known
    return _by_signature(head) or "application/octet-stream"


def image_type(head: bytes) -> str:
    """Return the media type of a picture by its first ``HEAD`` bytes; ``""`` if it is not one."""
    found = _by_signature(head)
    if found.startswith("image/"):
        return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "image/bmp"
    text = _text(head)
    if text.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text:
        return SVG
    return ""


def text_form(head: bytes) -> str:
    """Return the form of text that some bytes begin with: a key of ``CAME``."""
    text = _text(head)
    while text.startswith(b"<!--") and b"-->" in text:
        text = text.partition(b"-->")[2].lstrip()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "page"
    if text.startswith(b"<?xml"):
        return "page" if b"<html" in text else "XML"
    if text[:1] == b"<" and text[1:2].isalpha():
        return "XML"
    # no service answers errors as an array, while many texts begin with a bracket
    return "JSON" if text[:1] == b"{" and text[1:].lstrip()[:1] in {b'"', b"}"} else ""


def not_the_file(name: str, declared: str, head: bytes) -> str:
    """Return what came with a good status instead of the file, or ``""`` if it may be the file.

    Services and proxies send error pages like this. ``declared`` is the media type of the answer.
    Most files cannot be such a text, by their name; of the others only a page that is declared as
    one is refused.
    """
    ending, form = _ending(name), text_form(head)
    declared_page = declared.partition(";")[0].strip().casefold() == "text/html"
    if ending in BINARY:
        refused = bool(form) or declared_page
    elif ending in OFFICE:
        refused = form == "JSON" or (form == "page" and declared_page)
    else:
        refused = declared_page and ending not in PAGES and (form == "page" or ending not in TEXTS)
    return (CAME[form] or CAME["page"]) if refused else ""


def _by_signature(head: bytes) -> str:
    return next((found for magic, found in SIGNATURES if head.startswith(magic)), "")


def _text(head: bytes) -> bytes:
    return head[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip().lower()


def _ending(name: str) -> str:
    return PurePath(name).suffix.lower().removeprefix(".")
