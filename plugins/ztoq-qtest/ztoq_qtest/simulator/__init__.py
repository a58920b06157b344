"""A simulated qTest Manager (API v3) on loopback: keeps state, and refuses what qTest refuses."""

from __future__ import annotations

from ztoq_qtest.simulator.demo import demo
from ztoq_qtest.simulator.options import Options
from ztoq_qtest.simulator.server import Simulator

__all__ = ["Options", "Simulator", "demo"]
