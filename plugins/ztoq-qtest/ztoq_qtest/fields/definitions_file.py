"""Keeps field definitions in a file, for tokens that may not list the fields of a project.

An administrator exports it. It holds ids, labels and types, and no secret.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ztoq_core.plugin import ConfigError
from ztoq_qtest.api.answers import FIELDS
from ztoq_qtest.config import QtestConfig

VERSION = 1
Raw = Sequence[Mapping[str, Any]]
"""The FieldResources of one object type, with all their allowed values."""

OBJECTS = ("requirements", "test-cases", "test-suites", "test-runs", "releases", "test-steps")
KEPT = (
    "id",
    "label",
    "original_name",
    "data_type",
    "attribute_type",
    "instanceType",
    "required",
    "constrained",
    "multiple",
    "default_value",
    "system_field",
    "is_active",
    "allowed_values",
)  # fmt: skip
KEPT_OF_VALUES = ("value", "label", "is_default", "is_active")


def to_document(config: QtestConfig, listed: Mapping[str, Raw]) -> dict[str, Any]:
    """Return the content of the file: site, project, and what ztoq needs of each field."""
    return {
        "ztoq_qtest_fields": VERSION,
        "host": config.host,
        "project": config.project,
        "fields": {
            type_: [
                {
                    **{name: each[name] for name in KEPT if name in each},
                    "allowed_values": [
                        {name: value[name] for name in KEPT_OF_VALUES if name in value}
                        for value in each.get("allowed_values") or ()
                    ],
                }
                for each in fields
            ]
            for type_, fields in listed.items()
        },
    }


async def read_fields(config: QtestConfig, path: Path) -> Mapping[str, Raw]:
    """Return the fields in a file, by object type.

    Raises:
        ConfigError: The file cannot be read, is not of this format, or is of another project.
    """
    how = "`ztoq config fields --write FILE` creates it with an administrator's token"
    try:
        found = json.loads(await asyncio.to_thread(path.read_text, "utf-8"))
    except OSError as error:
        raise ConfigError(
            f"fields_file {str(path)!r} cannot be read: {error.strerror}; {how}"
        ) from error
    except ValueError as error:
        raise ConfigError(f"fields_file {str(path)!r} is not JSON ({error}); {how}") from error
    if not isinstance(found, dict) or found.get("ztoq_qtest_fields") != VERSION:
        raise ConfigError(
            f"fields_file {str(path)!r} does not hold fields of a qTest project; {how}"
        )
    of = found.get("host"), found.get("project")
    if of != (config.host, config.project):
        raise ConfigError(
            f"fields_file {str(path)!r} is of project {of[1]!r} on {of[0]!r}, not of project "
            f"{config.project!r} on {config.host!r}; {how}"
        )
    try:
        return {type_: FIELDS(fields) for type_, fields in found["fields"].items()}
    except (AttributeError, KeyError, ValueError) as error:
        raise ConfigError(f"fields_file {str(path)!r} cannot be used: {error}; {how}") from error
