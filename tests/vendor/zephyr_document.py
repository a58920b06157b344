"""Holds requests to a Zephyr simulator against the vendor's JSON schemas: path and query.

The document is not part of this repository: ``zephyr-cloud-v2.2026-08.schemas.json``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs
from jsonschema import Draft202012Validator

from tests.vendor.exchanges import Exchange, vendor_document

BASE = "/v2"
LONGEST = 300
WORDS = {"true": True, "false": False}


@attrs.frozen
class _Operation:
    name: str
    expression: re.Pattern[str]
    path: Draft202012Validator | None
    query: Draft202012Validator | None

    @property
    def names(self) -> set[str]:
        return set(self.query.schema.get("properties", ())) if self.query else set()


def _operation(described: dict[str, Any]) -> _Operation:
    schemas = described["schemas"]
    parts = re.split(r"\{(\w+)\}", described["path"])
    expression = "".join(
        f"(?P<{part}>[^/]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts)
    )
    validators = [
        Draft202012Validator(schemas[name]) if name in schemas else None
        for name in ("Params", "QueryParams")
    ]
    return _Operation(described["operation"], re.compile(BASE + expression), *validators)


class Document:
    """The vendor's schemas of all GET operations; whatever is no GET is wrong."""

    def __init__(self, path: Path | None = None) -> None:
        file = path or vendor_document("zephyr-cloud-v2.2026-08.schemas.json")
        described = json.loads(file.read_bytes())["operations"]
        operations = [_operation(o) for o in described if o["method"] == "GET"]
        # a fixed path goes before one with a parameter
        self.operations = sorted(operations, key=lambda o: o.expression.groups)

    def check(self, exchange: Exchange) -> list[str]:
        """Return what is wrong with a request: method, path, parameters, unknown names."""
        request = exchange.request
        if request.path.startswith("/_simulator/"):
            return []
        if request.method != "GET":
            return [f"{exchange.line}: the source is only read"]
        for operation in self.operations:
            if match := operation.expression.fullmatch(request.path):
                return [f"{exchange.line}: {e}" for e in self._wrong(operation, match, exchange)]
        return [f"{exchange.line}: the document has no such path"]

    def check_all(self, exchanges: list[Exchange]) -> list[str]:
        """Return what is wrong with all of them, each line once."""
        found: dict[str, None] = {}
        for exchange in exchanges:
            found.update(dict.fromkeys(self.check(exchange)))
        return list(found)

    def _wrong(self, operation: _Operation, match: re.Match[str], exchange: Exchange) -> list[str]:
        query = exchange.request.query
        unknown = sorted(set(query) - operation.names)
        found = [f"{operation.name} has no query parameter {name}" for name in unknown]
        known = {name: value for name, value in query.items() if name not in unknown}
        for validator, values in ((operation.path, match.groupdict()), (operation.query, known)):
            if validator is not None:
                properties = validator.schema.get("properties", {})
                typed = {n: _typed(v, properties.get(n, {})) for n, v in values.items()}
                found += [_told(error) for error in validator.iter_errors(typed)]
        return found


def _typed(text: str, schema: dict[str, Any]) -> Any:
    """Return a text of a URL as the type of its schema."""
    kinds = {schema.get("type"), *(one.get("type") for one in schema.get("anyOf", ()))}
    if kinds & {"integer", "number"} and re.fullmatch(r"-?\d+", text):
        return int(text)
    if "boolean" in kinds:
        return WORDS.get(text, text)
    return text.split(",") if "array" in kinds else text


def _told(error: Any) -> str:
    where = "/".join(str(part) for part in error.absolute_path)
    return f"at {where or 'the top'}: {error.message}"[:LONGEST]
