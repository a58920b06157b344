"""The report: what a store knows, as a page for people, as JSON, and as a table of ids."""

from __future__ import annotations

from ztoq_core.report.data import Report
from ztoq_core.report.render import write_csv, write_html, write_json

__all__ = ["Report", "write_csv", "write_html", "write_json"]
