"""``[losses]``: what it may say, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli import memory_shop
from ztoq_core.errors import ConfigError
from ztoq_core.losses import LossAction, LossRule
from ztoq_core.plugins import Plugins
from ztoq_core.settings import config

SIDES = {
    "source": {"use": "memory", "project": "ACME"},
    "sink": {"use": "memory", "name": "shop"},
}


def read(**losses: Any) -> config.Config:
    return config.from_tables({**SIDES, "losses": losses}, Plugins(memory_shop), Path())


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("fail", LossRule(LossAction.WARN, fail_above=0)),
        ("warn", LossRule(LossAction.WARN)),
        ("allow", LossRule(LossAction.ALLOW)),
        ({"fail_above": 10}, LossRule(LossAction.WARN, fail_above=10)),
    ],
)
@pytest.mark.parametrize("name", ["lost", "changed", "moved", "forgotten", "skipped"])
def test_a_group_or_a_reason_has_a_rule(name: str, value: Any, rule: LossRule) -> None:
    made = read(**{name: value})
    assert made.losses.rules == {name: rule}
    assert made.shown()["losses"] == {name: value}


@pytest.mark.parametrize(
    ("losses", "problem"),
    [
        ({"lots": "fail"}, "there is no loss called 'lots' (did you mean 'lost'?) @ losses"),
        (
            {"forgottenx": "warn"},
            "there is no loss called 'forgottenx' (did you mean 'forgotten'?) @ losses",
        ),
        ({"said": "warn"}, "'said' is a remark: nothing is lost by it @ losses"),
        ({"lost": "allowx"}, "there is no action 'allowx' (did you mean 'allow'?) @ losses.lost"),
        (
            {"lost": {"fail_abov": 1}},
            "unknown key 'fail_abov' (did you mean 'fail_above'?) @ losses.lost",
        ),
        *(
            (
                {"lost": value},
                'expected "fail", "warn", "allow" or { fail_above = NUMBER } @ losses.lost',
            )
            for value in (3, True, {}, {"fail_above": -1}, {"fail_above": True}, ["fail"])
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_nearest_name(
    losses: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        read(**losses)
    assert str(refused.value) == problem


def test_the_environment_sets_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ztoq.toml"
    path.write_text(
        '[source]\nuse = "memory"\nproject = "ACME"\n[sink]\nuse = "memory"\nname = "shop"\n'
    )
    monkeypatch.setenv("ZTOQ_LOSSES_LOST", "allow")
    made = config.read(path, Plugins(memory_shop))
    assert made.losses.rules == {"lost": LossRule(LossAction.ALLOW)}
