"""The option that rewrites golden files, and the scene that most tests share."""

from __future__ import annotations

import attrs
import pytest
from ztoq_mappings.zephyr_qtest import ZEPHYR_QTEST, Options

from ztoq_core.plugin import FieldSpec, FieldType, Kind, Scene, Schema, Transform
from ztoq_core.testing.golden import pytest_addoption

__all__ = ["pytest_addoption"]


@attrs.frozen(kw_only=True)
class SourceConfig:
    """What the mapping looks at in a source's config."""

    project: str = "ACME"


@pytest.fixture(scope="session")
def scene() -> Scene:
    fields = (
        FieldSpec(kind=Kind.TEST_CASE, name="Browser", type=FieldType.CHOICE),
        FieldSpec(kind=Kind.TEST_CASE, name="Reviewer", type=FieldType.USER),
    )
    return Scene(source=Schema(fields=fields), source_config=SourceConfig())


@pytest.fixture(scope="session")
def transform(scene: Scene) -> Transform:
    return ZEPHYR_QTEST.build(Options(), scene)
