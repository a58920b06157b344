"""The fixture for answers without a server."""

from __future__ import annotations

import pytest
from aioresponses import aioresponses

from ztoq_core.contracts import Connection
from ztoq_core.errors import RejectedError
from ztoq_core.http.client import open_client

pytest_plugins = ["ztoq_testkit.fixtures"]


async def test_answers_are_given_without_a_server(answers: aioresponses) -> None:
    base_url = "https://api.example.com/v2"
    answers.get(f"{base_url}/things?a=1", payload={"values": []})
    answers.post(f"{base_url}/things", status=422, payload={"message": "no name"})
    async with open_client(Connection(base_url=base_url)) as client:
        assert await client.get("things", params={"a": 1}) == {"values": []}
        with pytest.raises(RejectedError, match=r"^api\.example\.com: POST things answered 422"):
            await client.request("POST", "things", json={})
