"""The report of a store: an HTML page, JSON, tables of all records, and JUnit XML."""

from __future__ import annotations

from ztoq_core.report.data import Report
from ztoq_core.report.page import SourcePage
from ztoq_core.report.write import FORMATS, ReportWriter
