"""All that a plugin may import from the core; tests and simulators import ``ztoq_testkit`` too.

The names come in groups, each a module that describes them and that may be imported from here
(``from ztoq_core.plugin import records, sink``); each name may also be imported by itself.

* ``records``: the neutral records and their vocabulary, for every plugin
* ``source``: what a source declares and implements; with it ``services`` and ``schema``
* ``sink``: what a sink declares and implements; with it ``services``, ``schema`` and ``texts``
* ``transformer``: what a transformer declares; with it ``schema`` and ``texts``
* ``paging``: lists that come in pages, for a source: how to ask, and records from their values
* ``services``: what the engine lends while a source or sink is open: clients, secrets, contents
* ``schema``: how a side describes its fields, values, people and limits
* ``texts``: pictures and references in the texts of records
* ``errors``: what to raise, sorted by what the engine does next
"""

from __future__ import annotations

from ztoq_core import (
    contents,
    errors,
    hookspecs,
    html,
    media,
    record_json,
    records,
    spelling,
    text_files,
)
from ztoq_core.contents import *
from ztoq_core.contracts import paging, schema, services, sink, source, transformer
from ztoq_core.contracts.paging import *
from ztoq_core.contracts.schema import *
from ztoq_core.contracts.services import *
from ztoq_core.contracts.sink import *
from ztoq_core.contracts.source import *
from ztoq_core.contracts.transformer import *
from ztoq_core.errors import *
from ztoq_core.hookspecs import *
from ztoq_core.html import *
from ztoq_core.media import *
from ztoq_core.pictures import addresses as texts
from ztoq_core.pictures.addresses import *
from ztoq_core.record_json import *
from ztoq_core.records import kinds, vocabulary
from ztoq_core.records.kinds import *
from ztoq_core.records.vocabulary import *
from ztoq_core.spelling import *
from ztoq_core.text_files import *

__all__ = ["errors", "paging", "records", "schema", "services", "sink", "source", "texts"]
__all__ += ["transformer"]
for _each in (
    errors,
    kinds,
    vocabulary,
    paging,
    schema,
    services,
    sink,
    source,
    texts,
    transformer,
):
    __all__ += _each.__all__
for _each in (hookspecs, html, media, record_json, spelling, contents, text_files):
    __all__ += _each.__all__
