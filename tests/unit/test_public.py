"""``ztoq_core.plugin`` hands on what it says, and nothing else."""

from __future__ import annotations

from ztoq_core import contracts, errors, plugin, records, spelling, tally, text_files
from ztoq_core.pictures import addresses

GROUPS = {
    "errors",
    "records",
    "schema",
    "services",
    "sink",
    "source",
    "texts",
    "transformer",
}


def test_the_door_for_plugin_authors_hands_on_all_that_they_may_use() -> None:
    modules = (addresses, contracts, errors, records, spelling, tally, text_files)
    some = {"HEAD", "counted", "hookimpl", "not_the_file", "plain_text"}
    offered = some | GROUPS | {name for each in modules for name in each.__all__}
    assert set(plugin.__all__) == offered
    assert plugin.__all__ == sorted(plugin.__all__, key=lambda name: (not name.isupper(), name))


def test_the_door_hands_on_the_very_same_objects() -> None:
    for module in (addresses, contracts, errors, records, spelling, tally, text_files):
        for name in module.__all__:
            assert getattr(plugin, name) is getattr(module, name)


def test_the_groups_are_documented_and_hold_what_plugins_need_but_for_a_few_helpers() -> None:
    grouped = {name for group in GROUPS for name in getattr(plugin, group).__all__}
    helpers = {"Tally", "closest", "counted", "first_of", "folded", "nearest", "not_the_file"}
    assert set(plugin.__all__) - GROUPS - grouped == helpers | {
        *("HEAD", "hookimpl", "plain_text", "read_text", "similar")
    }
    assert all(f"``{group}``: " in str(plugin.__doc__) for group in GROUPS)
