"""Reads the text files that people write: the config, mappings and tables."""

from __future__ import annotations

from pathlib import Path

from ztoq_core.errors import ConfigError

__all__ = ["read_text"]


def read_text(path: Path, what: str, hint: str = "") -> str:
    """Return the text of a UTF-8 file, without the BOM that editors on Windows write.

    ``what`` names the file in messages, such as ``config file``; ``hint`` says what to do if the
    file does not exist.

    Raises:
        ConfigError: It does not exist, or cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read the {what} {str(path)!r}: it is not UTF-8 text") from error
    except OSError as error:
        if hint and isinstance(error, FileNotFoundError):
            raise ConfigError(f"there is no {what} {str(path)!r}; {hint}") from error
        raise ConfigError(f"cannot read the {what} {str(path)!r}: {error.strerror}") from error
