"""The report of a store: an HTML page, JSON, tables of all records, and JUnit XML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztoq_core.lazy import lazily

if TYPE_CHECKING:
    from ztoq_core.report.data import Report
    from ztoq_core.report.page import SourcePage
    from ztoq_core.report.write import FORMATS, ReportWriter
else:
    __getattr__ = lazily(
        __name__,
        {
            "data": "Report",
            "page": "SourcePage",
            "write": "FORMATS ReportWriter",
        },
    )
