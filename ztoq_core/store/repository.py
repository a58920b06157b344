"""What every repository has: the database, its tables, facts, journal and transitions."""

from __future__ import annotations

from ztoq_core.store.database import Database
from ztoq_core.store.facts import Facts
from ztoq_core.store.journal import Journal
from ztoq_core.store.transitions import Transitions


class Repository:
    """One stage's questions and changes.

    A decorated method may be awaited from the event loop; a plain one runs in the caller's thread.
    """

    def __init__(self, database: Database) -> None:
        """Work on ``database``."""
        self.database = database
        self._facts = Facts(database)
        self._journal = Journal(database)
        self._transitions = Transitions(database)
