"""The kit for simulators: small honest servers on loopback. Plugins and tests build on it.

A simulator is a table of ``Route`` lines, the vendor's rules in its handlers, and a ``Server``.
"""

from __future__ import annotations

from ztoq_core.simulate.faults import Fault, Faults
from ztoq_core.simulate.messages import Handler, Refusal, Reply, Request, Route
from ztoq_core.simulate.paging import Slice, by_offset, by_page, whole_number
from ztoq_core.simulate.proxy import FaultProxy
from ztoq_core.simulate.server import Server
from ztoq_core.simulate.serving import main, parser

__all__ = [
    "Fault",
    "FaultProxy",
    "Faults",
    "Handler",
    "Refusal",
    "Reply",
    "Request",
    "Route",
    "Server",
    "Slice",
    "by_offset",
    "by_page",
    "main",
    "parser",
    "whole_number",
]
