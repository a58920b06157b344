"""The kit for simulators: small honest servers on loopback. Plugins and tests build on it.

A simulator is a table of ``Route`` lines, the vendor's rules in its handlers, and a ``Server``.
"""

from __future__ import annotations

from ztoq_testkit.simulate.faults import Fault, Faults
from ztoq_testkit.simulate.messages import Handler, Refusal, Reply, Request, Route
from ztoq_testkit.simulate.paging import Slice, by_offset, by_page, whole_number
from ztoq_testkit.simulate.proxy import FaultProxy
from ztoq_testkit.simulate.server import Server
from ztoq_testkit.simulate.serving import main, parser

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
