"""The report of a store: an HTML page, JSON, and a CSV table of ids."""

from __future__ import annotations

from ztoq_core.report.data import Report
from ztoq_core.report.render import write_csv, write_html, write_json

__all__ = ["Report", "write_csv", "write_html", "write_json"]
