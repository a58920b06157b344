"""The ``[[transform]]`` table with ``use = "fields"``."""

from __future__ import annotations

from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class FieldsOptions:
    """``mapping`` is the mapping file; a relative path counts from the config's folder."""

    mapping: Path
