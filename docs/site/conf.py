"""Settings of the documentation site; ``tox -e docs`` builds it into ``build/site``.

The pages are the Markdown files of the repository, in the folders where they are, so that their
links lead to the same places here and on GitHub. What a page holds besides, for the site alone, are
comments: ``<!-- site: NAME -->`` is replaced by what ``site_pages`` makes of the code.
"""

from __future__ import annotations

import re
import sys
from enum import Enum
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from pygments.lexers.special import TextLexer
from site_pages import MAKERS
from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import GoogleDocstring

project = "ztoq"
copyright = "Eric C. Mumford"  # noqa: A001 - Sphinx's name for it
html_title = "ztoq"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/*.md",
    "docs/reference/*.md",
    "plugins/README.md",
    "plugins/*/README.md",
    "mappings/*/README.md",
    "examples/*/README.md",
]
exclude_patterns = [".*", "build", "**/tests"]

myst_heading_anchors = 4
smartquotes = False  # --limit is an option, not a dash

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
add_module_names = False

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["root"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
html_use_index = False

PLACE = re.compile(r"^<!-- site: ([\w-]+) -->$", re.MULTILINE)


def fill_places(_app: object, _page: str, source: list[str]) -> None:
    """Replace the comments of a page by what is made of the code."""
    source[0] = PLACE.sub(lambda found: MAKERS[found[1]](), source[0])


def read_sections(
    app: Any, what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Turn ``Raises:`` of a docstring into a list.

    Not by napoleon as an extension: that takes what is before a colon in a property's docstring
    for its type.
    """
    if what not in {"attribute", "data", "property"}:
        lines[:] = GoogleDocstring(lines, Config(napoleon_use_rtype=False), app, what).lines()


def without_constructor(
    _app: object, what: str, _name: str, cls: Any, *_: object
) -> tuple[str, str] | None:
    """Show no arguments of classes that nobody calls."""
    uncalled = what == "class" and (issubclass(cls, Enum) or getattr(cls, "_is_protocol", False))
    return ("", "") if uncalled else None


def give_levels(
    _app: object, _page: str, _template: str, context: dict[str, Any], _tree: object
) -> None:
    """Give the captions of the side bar the level that their role requires; Sphinx does not."""
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )


def setup(app: Any) -> None:
    """Let Sphinx call the functions above, and know blocks of CSV."""
    app.connect("source-read", fill_places)
    app.connect("autodoc-process-docstring", read_sections)
    app.connect("autodoc-process-signature", without_constructor)
    app.connect("html-page-context", give_levels, priority=900)  # after the theme
    app.add_lexer("csv", TextLexer)  # GitHub colours them, Pygments has none for it
