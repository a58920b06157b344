"""``ztoq_core.plugin`` hands on what it says, and nothing else."""

from __future__ import annotations

from ztoq_core import contents, contracts, errors, plugin, records, spelling, text_files
from ztoq_core.contracts import paging, schema, services, sink, source, transformer
from ztoq_core.pictures import addresses
from ztoq_core.records import kinds, vocabulary

GROUPS = {
    "errors": (errors,),
    "paging": (paging,),
    "records": (kinds, vocabulary),
    "schema": (schema,),
    "services": (services,),
    "sink": (sink,),
    "source": (source,),
    "texts": (addresses,),
    "transformer": (transformer,),
}
GROUPED = {name for group in GROUPS.values() for module in group for name in module.__all__}


def test_the_door_for_plugin_authors_hands_on_all_that_they_may_use() -> None:
    helpers = {
        "CONTRACT",
        "HEAD",
        "ContentHash",
        "escape_stray",
        "read_whole",
        "hookimpl",
        "not_the_file",
        "plain_text",
        "RecordJsonError",
        "record_from_json",
        "record_to_json",
        "read_text",
        "restored_cell",
        "split_tags",
        "write_table",
    }
    names = {"closest", "first_of", "folded", "nearest", "similar"}
    assert set(plugin.__all__) == set(GROUPS) | GROUPED | helpers | names
    assert len(plugin.__all__) == len(set(plugin.__all__))


def test_the_door_hands_on_the_very_same_objects() -> None:
    assert plugin.records is records
    assert plugin.texts is addresses
    for module in (*(each for group in GROUPS.values() for each in group), spelling, contents):
        for name in module.__all__:
            assert getattr(plugin, name) is getattr(module, name)
    for name in (*kinds.__all__, *vocabulary.__all__):
        assert getattr(records, name) is getattr(plugin, name)
    assert contracts.Sink is sink.Sink
    assert plugin.read_text is text_files.read_text


def test_the_groups_are_documented() -> None:
    assert all(f"``{group}``: " in str(plugin.__doc__) for group in GROUPS)
