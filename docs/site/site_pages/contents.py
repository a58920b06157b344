"""The order of the pages, by what a reader wants: to learn, to do, to look up, to understand.

A page that is in no list fails the build, and so does one that is listed and not there.
"""

from __future__ import annotations

from collections.abc import Mapping

CONTENTS: Mapping[str, tuple[str, ...]] = {
    "Tutorials": (
        "Try it, and your own project </README>",
        "first-mapping",
        "plugin-authors",
        "A mapping to copy </examples/inhouse-mapping/README>",
    ),
    "How to": ("running", "runbook", "plan", "map", "images", "pacing", "files", "embedding"),
    "Reference": (
        "reference/commands",
        "reference/config",
        "reference/errors",
        "mapping",
        "mapping-files",
        "report",
        "/plugins/README",
        "reference/contracts",
        "/plugins/ztoq-zephyr/README",
        "/plugins/ztoq-qtest/README",
        "/plugins/ztoq-files/README",
        "/mappings/ztoq-mappings/README",
        "/plugins/ztoq-testkit/README",
        "/plugins/ztoq-demo/README",
    ),
    "Explanation": ("promises", "validation", "performance", "architecture", "glossary"),
    "The project": ("/CHANGELOG", "/CONTRIBUTING"),
}
"""The pages under each caption, ``TITLE <PAGE>`` for another title than the page's own.

They start from ``docs``, with a slash from the repository.
"""


def contents() -> str:
    """Return the tables of contents, which the side bar shows."""
    return "\n".join(
        f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"
        for caption, pages in CONTENTS.items()
    )
