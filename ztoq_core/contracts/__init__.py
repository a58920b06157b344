"""The contract between the engine and plugins.

A hook answers with declarations (``SourcePlugin`` …); a declaration opens an object that does the
work (``Source``, ``Sink``, ``Transform``). Plugins implement these protocols and inherit nothing.
``services`` holds what the engine lends them, ``schema`` how a side describes itself.
"""

from __future__ import annotations

from ztoq_core.contracts.paging import *
from ztoq_core.contracts.schema import *
from ztoq_core.contracts.services import *
from ztoq_core.contracts.sink import *
from ztoq_core.contracts.source import *
from ztoq_core.contracts.transformer import *
