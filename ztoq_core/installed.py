"""The entry points of the installed packages, and the version of the core.

Finding them reads a file of every package, so it is done once for all commands and plugins.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata

_all = cache(metadata.entry_points)


@cache
def entry_points(group: str) -> metadata.EntryPoints:
    """Return the entry points of ``group``, as they were when the process first asked."""
    return _all().select(group=group)


@cache
def core_version() -> str:
    """Return the version of ``ztoq-core``; reading it takes milliseconds."""
    return metadata.version("ztoq-core")


@cache
def package_name(package: metadata.Distribution) -> str:
    """Return the name of a package with its version, such as ``ztoq-zephyr 0.1.0``."""
    return f"{package.name} {package.version}"
