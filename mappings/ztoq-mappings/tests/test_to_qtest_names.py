"""The mapping to qTest had another name, which configurations may still have."""

from __future__ import annotations

from ztoq_mappings import ztoq_transformers


def test_the_former_name_maps_the_same_and_is_no_default() -> None:
    declared = {each.name: each for each in ztoq_transformers()}
    former, present = declared["zephyr-qtest"], declared["to-qtest"]
    assert (former.build, former.config) == (present.build, present.config)
    assert former.default_for == ()
