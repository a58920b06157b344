"""What the engine lends a plugin while it is open: HTTP clients, a cache, a place for notes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from ztoq_core.contracts import Auth, Client, Connection
from ztoq_core.http.budget import CallMeter
from ztoq_core.http.limits import CallQuota, Ledger, Limits, quota_of
from ztoq_core.pictures.settings import Images
from ztoq_core.records import Note, NoteCode, Ref
from ztoq_core.time_window import TimeWindow
from ztoq_core.waits import Waits

if TYPE_CHECKING:
    from ztoq_core.pictures.untrusted_fetcher import UntrustedFetcher

T = TypeVar("T")

NoteSink = Callable[[Note, Ref | None], None]
"""Takes a note, and the record that it is about, if any."""


@attrs.define(eq=False)
class Services:
    """The services of one run (see ``contracts.Services``).

    ``sink`` gets each note once, ``source_sink`` (None: ``sink``) those of the source. ``outage``
    is after how many seconds without a good answer from a host the run ends; ``unreached`` the same
    for a host that has never answered. ``limits`` are those of the command (None: only the limits
    that services announce hold, and no window of a connection), ``ledger`` keeps the counts of
    calls. ``images`` says which pictures may be fetched and which hosts, besides public ones,
    redirects may lead to. ``before_write`` is awaited before each request other than GET; it raises
    when nothing may be sent any more. ``waits`` registers what the run waits for.
    """

    sink: NoteSink
    source_sink: NoteSink | None = None
    outage: float = 300.0
    unreached: float = 20.0
    limits: Limits | None = None
    ledger: Ledger | None = None
    images: Images = attrs.field(factory=Images)
    before_write: Callable[[], Awaitable[None]] | None = None
    waits: Waits = attrs.field(factory=Waits)
    _quotas: dict[Hashable, CallQuota] = attrs.field(factory=dict, init=False)
    _made: dict[str, Any] = attrs.field(factory=dict, init=False)
    _locks: dict[str, asyncio.Lock] = attrs.field(factory=dict, init=False)
    _noted: set[int] = attrs.field(factory=set, init=False)

    def of_source(self) -> Services:
        """Return the same services for the source."""
        services = copy(self)
        services.sink = self.source_sink or self.sink
        return services

    @property
    def quotas(self) -> Sequence[CallQuota]:
        """The call quota of each host for which a client was opened."""
        return tuple(self._quotas.values())

    def client(
        self, connection: Connection, auth: Auth | None = None, *, probe: str = ""
    ) -> AbstractAsyncContextManager[Client]:
        """Open the paced HTTP client for ``connection.base_url``; see ``contracts.Services``."""
        from ztoq_core.http.client import open_client

        def quota(host: str) -> CallQuota:
            key = (host, connection.monthly_budget, connection.reserve, connection.window)
            if key not in self._quotas:
                self._quotas[key] = quota_of(host, connection, self.limits, self.ledger)
            return self._quotas[key]

        return open_client(
            connection,
            auth,
            probe=probe,
            outage=self.outage,
            unreached=self.unreached,
            limits=self.limits,
            quota=quota,
            allows=self.images.allows,
            before_write=self.before_write,
            waits=self.waits,
        )

    def fetcher(
        self, warn: Callable[[str], None], source: Connection | None = None
    ) -> AbstractAsyncContextManager[UntrustedFetcher]:
        """Open the fetcher of pictures; it keeps to the window of ``source`` and to the limits.

        Calls to the host of a service count against its monthly quota, too. ``warn`` as in
        ``UntrustedFetcher``.
        """
        from ztoq_core.http.transport import Transport
        from ztoq_core.pictures.untrusted_fetcher import open_fetcher

        limits = self.limits or Limits()
        meter = CallMeter(limits, quota_of=self._quota_of)
        if source is not None and source.window:
            host = Transport(source).service
            window = TimeWindow.parse(source.window)
            meter.own = CallQuota(host=host, window=window, clock=limits.clock)
        return open_fetcher(self.images, warn, meter=meter)

    def _quota_of(self, host: str) -> CallQuota | None:
        return next((each for each in self.quotas if each.host == host), None)

    async def once(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        """Return what ``make`` returned the first time in this run; concurrent callers share it.

        If it fails, the next caller tries again. ``make`` must not ask for the same name.
        """
        if name not in self._made:
            async with self._locks.setdefault(name, asyncio.Lock()):
                if name not in self._made:
                    self._made[name] = await make()
        value: T = self._made[name]
        return value

    def note(self, code: NoteCode, text: str, ref: Ref | None = None) -> None:
        """Put a loss, a change or a remark into the report; the same note is kept once."""
        note = code.note(text)
        # a hash instead of the note, to save memory: there may be one for every record
        if (seen := hash((note, ref))) not in self._noted:
            self._noted.add(seen)
            self.sink(note, ref)
