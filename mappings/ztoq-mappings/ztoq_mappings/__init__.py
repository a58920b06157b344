"""Mappings for ztoq: the default one to qTest, and transformers beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ztoq_core.plugin import TransformerPlugin, hookimpl
from ztoq_mappings.fields import FIELDS
from ztoq_mappings.folders import FOLDERS
from ztoq_mappings.mask import MASK
from ztoq_mappings.text import TEXT
from ztoq_mappings.to_qtest import FORMER, TO_QTEST
from ztoq_mappings.users import USERS
from ztoq_mappings.values import VALUES

__all__ = ["ztoq_transformers"]


@hookimpl
def ztoq_transformers() -> Iterable[TransformerPlugin[Any]]:
    """Declare the transformers of this distribution."""
    return (TO_QTEST, FORMER, FIELDS, VALUES, USERS, TEXT, FOLDERS, MASK)
