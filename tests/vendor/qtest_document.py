"""Holds exchanges with a qTest simulator against the vendor's document, by openapi-core.

The document is not part of this repository: ``vendor_document("qtest-manager-v3.openapi3.json")``.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import attrs
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tests.vendor.exchanges import Exchange, vendor_document

HOST = "http://simulator"
LONGEST = 300
UNDOCUMENTED = {("POST", "/oauth/revoke")}
"""On a help page of the vendor (common_apis.htm), not in the document."""

UPLOAD = "/api/v3/projects/{projectId}/{objectType}/{objectId}/blob-handles"


@attrs.define
class _Asked:
    """A request as openapi-core wants it."""

    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@attrs.define
class _Answered:
    """An answer as openapi-core wants it."""

    status_code: int
    headers: Headers
    content_type: str
    data: bytes | None


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes())
    document["servers"] = [{"url": HOST}]
    # converted from Swagger 2: a raw body became JSON, and a name of a header a parameter
    upload = document["paths"][UPLOAD]["post"]
    del upload["requestBody"]
    upload["parameters"] = [p for p in upload["parameters"] if p["name"] != "Content-Type"]
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                if "*/*" in answer.get("content", {}):  # all of them are JSON but downloads
                    answer["content"]["application/json"] = answer["content"].pop("*/*")
    return document


def _as_captured(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with what captured answers lack: runs hold cases without properties."""
    changed = copy.deepcopy(document)
    changed["components"]["schemas"]["TestCaseWithCustomFieldResource"].pop("required")
    return changed


class Document:
    """The vendor's document. Reading it takes a second: make one for many checks."""

    def __init__(self, path: Path | None = None) -> None:
        document = _read(path or vendor_document("qtest-manager-v3.openapi3.json"))
        strict = Config(additional_properties_default_policy="forbid", spec_validator_cls=None)
        self.requests = OpenAPI.from_dict(document, config=strict)
        self.answers = OpenAPI.from_dict(
            _as_captured(document), config=Config(spec_validator_cls=None)
        )
        self.paths: dict[str, Any] = document["paths"]

    def check(self, exchange: Exchange) -> list[str]:
        """Return what is wrong with a request, and with the shape of its answer."""
        return self.check_request(exchange) + self.check_answer(exchange)

    def check_request(self, exchange: Exchange) -> list[str]:
        """Return what is wrong with a request: path, parameters, body; unknown names too."""
        request = exchange.request
        if self._is_beside(exchange):
            return []
        errors = [_told(e) for e in self.requests.iter_request_errors(_asked(exchange))]
        operation = self.paths.get(request.route, {}).get(request.method.lower(), {})
        names = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
        if operation:
            unknown = sorted(set(request.query) - names)
            errors += [f"the document has no query parameter {name}" for name in unknown]
        return [f"{exchange.line}: {error}" for error in errors]

    def check_answer(self, exchange: Exchange) -> list[str]:
        """Return what is wrong with the shape of a good answer; refusals have none."""
        reply = exchange.reply
        if self._is_beside(exchange) or not _is_good(reply.status) or reply.body is None:
            return []
        operation = self.paths.get(exchange.request.route, {}).get(exchange.request.method.lower())
        if operation is None or not _describes(operation, reply.status):
            return []
        content = reply.bytes_or_iterator()
        data = content if isinstance(content, bytes) else None
        answered = _Answered(reply.status, Headers(), reply.media_type(), data)
        errors = self.answers.iter_response_errors(_asked(exchange), answered)
        return [f"{exchange.line} -> {reply.status}: {_told(error)}" for error in errors]

    def check_all(self, exchanges: list[Exchange]) -> list[str]:
        """Return what is wrong with all of them, each kind of mistake once for each route."""
        found: dict[str, None] = {}
        for exchange in exchanges:
            found.update(dict.fromkeys(self.check(exchange)))
        return list(found)

    def status_differences(self, exchanges: list[Exchange]) -> set[str]:
        """Return the good statuses that the document does not name, for a report."""
        found = set()
        for exchange in exchanges:
            status, request = exchange.reply.status, exchange.request
            operation = self.paths.get(request.route, {}).get(request.method.lower())
            named = {str(status), "default"} & set(operation["responses"] if operation else ())
            if operation and _is_good(status) and not named:
                found.add(f"{request.method} {request.route}: {status}")
        return found

    def _is_beside(self, exchange: Exchange) -> bool:
        request = exchange.request
        own = request.path.startswith("/_simulator/")
        return own or (request.method, request.path) in UNDOCUMENTED


def _is_good(status: int) -> bool:
    return 200 <= status <= 299


def _describes(operation: dict[str, Any], status: int) -> bool:
    answer = operation["responses"].get(str(status), operation["responses"].get("default"))
    return bool(answer and answer.get("content"))


def _asked(exchange: Exchange) -> _Asked:
    request = exchange.request
    parameters = RequestParameters(
        query=ImmutableMultiDict(list(request.query.items())),
        header=Headers(list(request.headers.items())),
    )
    return _Asked(
        host_url=HOST,
        path=request.path,
        method=request.method.lower(),
        parameters=parameters,
        content_type=request.headers.get("Content-Type", "").lower(),
        body=request.body or None,
    )


def _told(error: BaseException) -> str:
    """Return the deepest causes of an error on one line, without the whole value."""
    while error.__cause__ is not None:
        error = error.__cause__
    causes = list(getattr(error, "schema_errors", None) or ())
    if not causes:
        return f"{type(error).__name__}: {error}"[:LONGEST]
    told = []
    for cause in causes:
        where = "/".join(str(part) for part in getattr(cause, "absolute_path", ()))
        told.append(f"at {where or 'the top'}: {getattr(cause, 'message', cause)}"[:LONGEST])
    return "; ".join(told)
