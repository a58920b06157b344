"""The neutral records: what sources yield, transformers change and sinks write.

One record is one object in the target and one row in the store. Records are frozen; change them
with ``attrs.evolve``. Times are aware UTC datetimes, durations seconds, sizes bytes. Texts are HTML
fragments where a docstring says so, plain text otherwise. Vendor words stay in the plugins.

``vocabulary`` has what records are built from, ``kinds`` the records themselves.
"""

from __future__ import annotations

from ztoq_core.records.kinds import *
from ztoq_core.records.vocabulary import *
