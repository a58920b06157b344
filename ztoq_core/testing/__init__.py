"""What a plugin's tests are made of: contract suites, doubles in memory, a small project.

Needs pytest with pytest-asyncio: ``pip install "ztoq-core[testing]"``.
"""

from __future__ import annotations

import pytest

# before the suites are imported, so that a failing assert of theirs shows its values
pytest.register_assert_rewrite(
    "ztoq_core.testing.golden", "ztoq_core.testing.sources", "ztoq_core.testing.sinks"
)

from ztoq_core.testing import golden  # noqa: E402 - see above, as those below
from ztoq_core.testing.lending import Notes, lent  # noqa: E402
from ztoq_core.testing.memory import (  # noqa: E402
    MemoryDirectory,
    MemorySink,
    MemorySource,
    PowerCut,
)
from ztoq_core.testing.project import CONTENTS, PROJECT  # noqa: E402
from ztoq_core.testing.sinks import SinkContract  # noqa: E402
from ztoq_core.testing.sources import SourceContract  # noqa: E402

__all__ = [
    "CONTENTS",
    "PROJECT",
    "MemoryDirectory",
    "MemorySink",
    "MemorySource",
    "Notes",
    "PowerCut",
    "SinkContract",
    "SourceContract",
    "golden",
    "lent",
]
