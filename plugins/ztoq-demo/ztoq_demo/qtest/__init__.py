"""A simulated qTest Manager (API v3) on loopback: keeps state, and refuses what qTest refuses."""

from __future__ import annotations

from ztoq_demo.qtest.demo import demo
from ztoq_demo.qtest.options import Options
from ztoq_demo.qtest.server import Simulator

__all__ = ["Options", "Simulator", "demo"]
