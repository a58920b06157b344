"""Fixtures for plugin authors: ``pytest_plugins = ["ztoq_testkit.fixtures"]``."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from aioresponses import aioresponses


class _Response(aiohttp.ClientResponse):
    """An answer that aioresponses can make.

    aiohttp 3.14 wants a ``stream_writer``, which aioresponses 0.7.9 does not hand over (their
    issue 289) and older releases do not take; an answer that nobody sent has none.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in signature(aiohttp.ClientResponse).parameters:
            kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses]:
    """Answers that are given without a server; loopback servers are let through."""
    monkeypatch.setattr("aioresponses.core.ClientResponse", _Response)
    with aioresponses(passthrough=["http://127.0.0.1"]) as prepared:
        yield prepared
