"""The option that rewrites golden files, the context that most tests share, the page's examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs
import pytest
from ztoq_mappings.testing import pytest_addoption
from ztoq_mappings.to_qtest import TO_QTEST, Options

from ztoq_core.plugin import FieldSpec, FieldType, Kind, Schema, Transform, TransformContext
from ztoq_core.store import Store

__all__ = ["pytest_addoption"]


@cache
def examples() -> dict[str, str]:
    """Return the mapping files of ``docs/mapping-files.md`` by the slug of their heading."""
    page = Path(__file__).parents[3] / "docs" / "mapping-files.md"
    found: dict[str, str] = {}
    for section in re.split(r"^#+ ", page.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, rest = section.partition("\n")
        for block in re.findall(r"```toml\n(.*?)```", rest, re.DOTALL):
            if "[[transform]]" in block:
                continue
            slug = "-".join(re.findall(r"[a-z]+", heading.lower()))
            assert slug not in found, f"two examples under {heading!r}"
            found[slug] = block if "format = 1" in block else f"format = 1\n{block}"
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of an ``example`` with every mapping file of the page."""
    if "example" in metafunc.fixturenames:
        metafunc.parametrize("example", list(examples().items()), ids=list(examples()))


@attrs.frozen(kw_only=True)
class SourceConfig:
    """What the mapping looks at in a source's config."""

    project: str = "ACME"


@pytest.fixture(scope="session")
def context() -> TransformContext:
    fields = (
        FieldSpec(kind=Kind.TEST_CASE, name="Browser", type=FieldType.CHOICE),
        FieldSpec(kind=Kind.TEST_CASE, name="Reviewer", type=FieldType.USER),
    )
    return TransformContext(source=Schema(fields=fields), source_config=SourceConfig())


@pytest.fixture(scope="session")
def transform(context: TransformContext) -> Transform:
    return TO_QTEST.build(Options(), context)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store(f"sqlite:///{tmp_path}/store.db", files=tmp_path / "files") as opened:
        yield opened
