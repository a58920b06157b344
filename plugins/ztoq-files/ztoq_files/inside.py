"""Finds files that a file names, and never leaves the folder that they belong to."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath


class PlaceError(ValueError):
    """A name leads to no file in the folder; the message says why."""


def file_inside(folder: Path, name: str) -> Path:
    """Return the regular file ``name``, with ``/`` between folders, below ``folder``.

    Raises:
        PlaceError: There is none, or the name leads out of the folder: it is absolute, has ``..``
            or a backslash in it, or a symbolic link on the way points elsewhere.
    """
    if not name or "\0" in name:
        raise PlaceError(f"{name!r} is not the name of a file")
    windows = PureWindowsPath(name)
    if "\\" in name or windows.drive or windows.root or PurePosixPath(name).is_absolute():
        raise PlaceError(f"{name!r} is not a path inside the folder, with / between its parts")
    if ".." in PurePosixPath(name).parts:
        raise PlaceError(f"{name!r} leads out of the folder by '..'")
    try:
        place = (folder / name).resolve(strict=True)
    except FileNotFoundError:
        raise PlaceError(f"there is no file {name!r}") from None
    except (OSError, RuntimeError) as error:  # too long for the file system; a ring of links
        raise PlaceError(f"the file {name!r} cannot be opened ({error})") from error
    if not place.is_relative_to(folder.resolve()):
        raise PlaceError(f"{name!r} leads out of the folder by a symbolic link")
    if not place.is_file():
        raise PlaceError(f"{name!r} is not a regular file")
    return place


def folder_inside(folder: Path, name: str) -> Path:
    """Return the folder ``name`` below ``folder``, made if it is not there.

    Raises:
        PlaceError: A symbolic link on the way leads out of the folder.
        OSError: It cannot be made.
    """
    place = folder / name
    if not place.is_symlink():
        place.mkdir(exist_ok=True)
    if not place.resolve().is_relative_to(folder.resolve()):
        raise PlaceError(f"{name!r} leads out of the folder by a symbolic link")
    return place
