"""The contract between the engine and plugins.

A hook answers with declarations (``SourcePlugin`` …); a declaration opens an object that does the
work (``Source``, ``Sink``, ``Transform``). Plugins implement these protocols and inherit nothing.
``services`` holds what the engine lends them, ``schema`` how a side describes itself.
"""

from __future__ import annotations

from ztoq_core.contracts.schema import FieldLimits, FieldSpec, Finding, Fit, Schema, User
from ztoq_core.contracts.services import (
    Answer,
    Auth,
    Client,
    Connection,
    Content,
    Download,
    Secret,
    Services,
)
from ztoq_core.contracts.sink import (
    ContentReading,
    FieldExport,
    Found,
    Links,
    ListReading,
    Mark,
    MarkPage,
    Owner,
    Sink,
    SinkPlugin,
    Written,
)
from ztoq_core.contracts.source import (
    ChangedSince,
    Directory,
    Page,
    Pictures,
    Reject,
    Source,
    SourcePlugin,
    SourceRules,
    Streams,
)
from ztoq_core.contracts.transformer import (
    Skip,
    Suggestion,
    Transform,
    TransformContext,
    TransformerPlugin,
)

__all__ = [
    "Answer",
    "Auth",
    "ChangedSince",
    "Client",
    "Connection",
    "Content",
    "ContentReading",
    "Directory",
    "Download",
    "FieldExport",
    "FieldLimits",
    "FieldSpec",
    "Finding",
    "Fit",
    "Found",
    "Links",
    "ListReading",
    "Mark",
    "MarkPage",
    "Owner",
    "Page",
    "Pictures",
    "Reject",
    "Schema",
    "Secret",
    "Services",
    "Sink",
    "SinkPlugin",
    "Skip",
    "Source",
    "SourcePlugin",
    "SourceRules",
    "Streams",
    "Suggestion",
    "Transform",
    "TransformContext",
    "TransformerPlugin",
    "User",
    "Written",
]
