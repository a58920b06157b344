from __future__ import annotations

from pathlib import Path

import pytest
from acme_mapping import ACME, AcmeConfig, ztoq_transformers
from ztoq_mappings import testing as golden

from ztoq_core.plugin import ConfigError, Schema, TransformContext

CASES = golden.cases(Path(__file__).parents[1] / "cases")


@pytest.mark.parametrize("case", CASES, ids=golden.name)
def test_a_golden_case(case: golden.Case, request: pytest.FixtureRequest) -> None:
    golden.check(case, ACME, update=golden.updating(request))


def test_the_transformer_is_declared_and_leaves_the_shape_to_the_default_mapping() -> None:
    assert list(ztoq_transformers()) == [ACME]
    assert ACME.keeps_default


def test_no_suites_are_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="suites is empty"):
        ACME.build(AcmeConfig(suites=()), TransformContext(source=Schema()))
