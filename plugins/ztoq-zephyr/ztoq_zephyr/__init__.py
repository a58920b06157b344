"""Reads projects of Zephyr Scale Cloud and Zephyr Essential for ztoq."""

from __future__ import annotations

from ztoq_zephyr.config import ZephyrConfig
from ztoq_zephyr.plugin import ztoq_sources

__all__ = ["ZephyrConfig", "ztoq_sources"]
