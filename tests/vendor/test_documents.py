"""The helpers of this folder see what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict
from yarl import URL
from ztoq_testkit.simulate import Reply, Request

from tests.vendor import qtest_document, zephyr_document
from tests.vendor.exchanges import Exchange

pytestmark = pytest.mark.shared("specs")

PROJECT = "/api/v3/projects/{projectId}"


def exchange(
    method: str, url: str, route: str = "", body: Any = None, reply: Reply | None = None
) -> Exchange:
    asked = URL("http://127.0.0.1" + url)
    headers = CIMultiDict({"Content-Type": "application/json", "Authorization": "Bearer t"})
    request = Request(
        method=method,
        path=asked.path,
        route=route,
        params={},
        query=MultiDict(asked.query),
        headers=CIMultiDictProxy(headers),
        origin="http://127.0.0.1",
        body=b"" if body is None else json.dumps(body).encode(),
    )
    return Exchange(request, reply or Reply(404, {"message": "?"}))


@pytest.fixture(scope="module")
def qtest() -> qtest_document.Document:
    return qtest_document.Document()


@pytest.fixture(scope="module")
def zephyr() -> zephyr_document.Document:
    return zephyr_document.Document()


def test_a_good_qtest_request_is_not_complained_of(qtest: qtest_document.Document) -> None:
    body = {"name": "One", "properties": [{"field_id": 1, "field_value": "x"}]}
    good = exchange("POST", "/api/v3/projects/1/test-cases", PROJECT + "/test-cases", body)
    assert qtest.check(good) == []


@pytest.mark.parametrize(
    ("method", "url", "route", "body"),
    [
        ("GET", "/api/v3/projects/1/test-cases?pageSize=5", PROJECT + "/test-cases", None),
        ("GET", "/api/v3/projects/x/test-cases", PROJECT + "/test-cases", None),
        ("GET", "/api/v3/projects/1/cases", "", None),
        ("POST", "/api/v3/projects/1/test-cases", PROJECT + "/test-cases", {"name": "no list"}),
        (
            "POST",
            "/api/v3/projects/1/test-cases",
            PROJECT + "/test-cases",
            {"name": "x", "properties": [{"field_id": 1, "field_value": 2}]},
        ),
        (
            "POST",
            "/api/v3/projects/1/test-cases",
            PROJECT + "/test-cases",
            {"name": "x", "properties": [], "parentId": 2},
        ),
        (
            "POST",
            "/api/v3/projects/1/test-suites?parentId=0&parentType=test-suite",
            PROJECT + "/test-suites",
            {"name": "x", "properties": []},
        ),
    ],
)
def test_a_bad_qtest_request_is_seen(
    qtest: qtest_document.Document, method: str, url: str, route: str, body: Any
) -> None:
    assert qtest.check_request(exchange(method, url, route, body))


def test_a_bad_shape_of_a_qtest_answer_is_seen(qtest: qtest_document.Document) -> None:
    reply = Reply(200, [{"id": "601", "name": "Passed"}])
    route = PROJECT + "/test-runs/execution-statuses"
    asked = exchange("GET", "/api/v3/projects/1/test-runs/execution-statuses", route, reply=reply)
    assert "is not of type 'integer'" in qtest.check(asked)[0]


def test_a_good_zephyr_request_is_not_complained_of(zephyr: zephyr_document.Document) -> None:
    for url in ("/v2/testcases/nextgen?projectKey=ACME&limit=100", "/v2/testcases/ACME-T1/links"):
        assert zephyr.check(exchange("GET", url)) == []


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "/v2/testcases"),
        ("GET", "/v2/tests"),
        ("GET", "/v2/testcases?projectKey=acme"),
        ("GET", "/v2/testcases?maxResults=0"),
        ("GET", "/v2/testcases?pageSize=10"),
        ("GET", "/v2/testcases/17"),
    ],
)
def test_a_bad_zephyr_request_is_seen(
    zephyr: zephyr_document.Document, method: str, url: str
) -> None:
    assert zephyr.check(exchange(method, url))
