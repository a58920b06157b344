"""One reader counts and hashes what passes, whoever reads on."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from ztoq_core.contents import ContentHash


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_what_is_read_to_its_end_is_counted_and_hashed() -> None:
    passed = await ContentHash.of(chunks(b"ab", b"", b"c"))
    assert (passed.size, passed.sha256) == (3, hashlib.sha256(b"abc").hexdigest())


async def test_a_chunk_is_counted_before_it_is_handed_on() -> None:
    """So whoever stops at the last byte knows the whole."""
    passed = ContentHash()
    assert passed.sha256 == hashlib.sha256().hexdigest()
    passing = passed.passing(chunks(b"ab", b"c"))
    assert await anext(passing) == b"ab"
    assert (passed.size, passed.sha256) == (2, hashlib.sha256(b"ab").hexdigest())
