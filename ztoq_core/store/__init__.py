"""Everything a migration knows: the only SQL of the project, behind plain values.

``Store`` opens it. Each stage has a repository there (``store.extraction``, ``store.loading`` …)
whose methods are awaited; ``store.reporting`` answers in the caller's thread.
"""

from __future__ import annotations

from ztoq_core.store.attachments import *
from ztoq_core.store.decisions import *
from ztoq_core.store.dependencies import *
from ztoq_core.store.extraction import *
from ztoq_core.store.facts import *
from ztoq_core.store.file_store import *
from ztoq_core.store.history import *
from ztoq_core.store.id_names import *
from ztoq_core.store.lease import *
from ztoq_core.store.load_jobs import *
from ztoq_core.store.outcomes import *
from ztoq_core.store.planning import *
from ztoq_core.store.records import *
from ztoq_core.store.reporting import *
from ztoq_core.store.rollback import *
from ztoq_core.store.sql import *
from ztoq_core.store.states import *
from ztoq_core.store.store import *
from ztoq_core.store.tables import *
from ztoq_core.store.target_index import *
from ztoq_core.store.transformation import *
from ztoq_core.store.validation import *
