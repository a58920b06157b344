"""What a simulator was asked and what it answered, kept for a look at the vendor's document."""

from __future__ import annotations

from pathlib import Path

import attrs
from ztoq_testkit.simulate import Reply, Request

from tests.shared import SHARED

SPECS = SHARED / "specs"


@attrs.frozen
class Exchange:
    """A request and its answer."""

    request: Request
    reply: Reply

    @property
    def line(self) -> str:
        """The request's line, for messages."""
        query = "&".join(f"{name}={value}" for name, value in self.request.query.items())
        return f"{self.request.method} {self.request.path}{'?' if query else ''}{query}"


@attrs.define
class Recorder:
    """Give it to a simulator as its ``recorder``; ``exchanges`` are in order.

    The body of a request or answer that is sent in chunks is not kept.
    """

    exchanges: list[Exchange] = attrs.field(factory=list)

    def __call__(self, request: Request, reply: Reply) -> None:
        self.exchanges.append(Exchange(request, reply))


def vendor_document(name: str) -> Path:
    """Return the path of a vendor's document. Tests that need it are marked ``shared``."""
    return SPECS / name
