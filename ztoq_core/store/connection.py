"""Opens the database of a store, and puts its errors and those of the disk in plain words."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit

import peewee as pw

from ztoq_core.errors import ConfigError, StoreError

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "busy_timeout": 10_000,
}
"""The settings of a SQLite database that is written to."""

_FULL, _LOCKED, _READ_ONLY = "full", "locked", "read-only"
_SQLITE_CODES = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
}
_POSTGRES_CODES = {  # "PostgreSQL Error Codes" in its manual
    "53100": _FULL,
    "55P03": _LOCKED,
    "25006": _READ_ONLY,
}
_OS_CODES = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EROFS: _READ_ONLY}


def open_database(url: str, *, create: bool, write: bool) -> tuple[pw.Database, Path]:
    """Return the database that ``url`` names, not yet connected, and the folder of its files.

    Raises:
        ConfigError: The URL cannot be used; the message holds no part of a password.
        StoreError: The file is missing while ``create`` is False, or cannot be made.
    """
    for problem in unusable_store_url(url):
        raise ConfigError(problem)
    if url.startswith("sqlite:"):
        path = Path(urlsplit(url).path[1:])
        return _open_sqlite(path, create=create, write=write), Path(f"{path}.files")
    if find_spec("psycopg") is None:
        raise StoreError(
            "A store in PostgreSQL needs psycopg: pip install 'psycopg[binary]'", at_start=True
        )
    from playhouse.db_url import connect

    database: pw.Database = connect(url)
    return database, Path(f"{urlsplit(url).path.strip('/') or 'ztoq'}.files")


def unusable_store_url(url: str) -> Iterator[str]:
    """Yield why a URL cannot be that of a store; no part of a password is quoted."""
    scheme, colon, path = url.partition("://")
    if not colon or scheme not in {"sqlite", "postgresql", "postgres"}:
        # without :// all of it may be credentials
        got = f"the scheme {scheme[:20]!r}" if colon and scheme.isalnum() else "no scheme"
        yield f"expected sqlite:///FILE or postgresql://USER@HOST/DATABASE, got {got}"
    elif scheme == "sqlite" and path.removeprefix("/") in {"", ":memory:"}:
        yield "expected a file, such as sqlite:///ztoq.db"
    elif scheme != "sqlite" and _misread(url):
        # what was read as a port may be the end of a password
        yield (
            "the URL's port is not a number, or its password has characters that must be written "
            "as %2F (/), %40 (@), %23 (#) or %3F (?)"
        )


def _misread(url: str) -> bool:
    """Whether a URL is parsed differently than it was meant."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return True
    return "@" in parts.path or ("@" not in parts.netloc and "@" in parts.query + parts.fragment)


def _open_sqlite(path: Path, *, create: bool, write: bool) -> pw.Database:
    if not path.exists():
        if not create:
            raise StoreError(f"There is no store {path}; run ztoq extract first", at_start=True)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise store_error(error, str(path), at_start=True) from error
    if not os.access(path, os.R_OK):
        text = f"You may not read the store {path}: run ztoq as the user who made it"
        raise StoreError(text, at_start=True)
    if write and not may_write(f"sqlite:///{path}"):
        # SQLite would open it, and fail at the first change
        raise StoreError(_read_only(str(path)), at_start=True)
    if write:
        return pw.SqliteDatabase(str(path), pragmas=PRAGMAS)
    # without a log of changes beside it no process writes: SQLite may do without its lock files,
    # which it cannot make in a read-only folder
    log = Path(f"{path}-wal")
    unchanged = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    options = "mode=ro&immutable=1" if unchanged else "mode=ro"
    return pw.SqliteDatabase(
        f"file:{quote(str(path))}?{options}",
        uri=True,
        pragmas={"busy_timeout": PRAGMAS["busy_timeout"]},
    )


def _read_only(where: str) -> str:
    return (
        f"The store {where} is read-only: only ztoq status, report and explain work on it. Make it "
        "writable, or copy it to where it can be written"
    )


def may_write(url: str) -> bool:
    """Return whether the operating system lets us change the store."""
    if not url.startswith("sqlite:"):
        return True
    path = Path(urlsplit(url).path[1:])
    beside = [Path(f"{path}{end}") for end in ("", "-wal", "-shm")]
    return os.access(path.parent, os.W_OK) and all(
        os.access(each, os.W_OK) for each in beside if each.exists()
    )


def name_of(database: pw.Database) -> str:
    """Return what messages call the database: its file, or its host and name."""
    if isinstance(database, pw.SqliteDatabase):
        return str(database.database)
    return f"{database.connect_params.get('host', 'localhost')}/{database.database}"


def store_error(error: BaseException, where: str, *, at_start: bool = False) -> StoreError:
    """Return what the database or the disk reported as an error that users understand."""
    first = _first(error)
    said = str(first).split("\n")[0][:200]
    match _kind(first):
        case "full":
            text = (
                f"No space left on device: {where} cannot grow ({said}). Free some space and run "
                "again"
            )
        case "locked":
            text = f"The store {where} is locked by another program ({said}); end it and run again"
        case "read-only":
            text = _read_only(where)
        case _:
            text = f"Cannot use the store {where}: {said}. Fix this and run again"
    return StoreError(text, at_start=at_start)


def _first(error: BaseException) -> BaseException:
    """Return the first error of the database: later ones only report that a rollback failed too."""
    known = (pw.PeeweeException, sqlite3.Error, OSError)
    while error.__context__ is not None and (
        isinstance(error.__context__, known) or hasattr(error.__context__, "sqlstate")
    ):
        error = error.__context__
    return error


def _kind(error: BaseException) -> str:
    if isinstance(error, OSError):
        return _OS_CODES.get(error.errno or 0, "")
    if isinstance(error, sqlite3.Error):
        # the lower byte; the others say more about it
        return _SQLITE_CODES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")
    return _POSTGRES_CODES.get(getattr(error, "sqlstate", None) or "", "")


def connect_database(database: pw.Database, idle_s: float) -> None:
    """Connect the calling thread, if it is not connected yet.

    PostgreSQL ends a connection that is idle for ``idle_s`` within a transaction: else the locks of
    a suspended process would keep others waiting.
    """
    opened = database.connect(reuse_if_open=True)
    if opened and isinstance(database, pw.PostgresqlDatabase):
        milliseconds = int(idle_s * 1000)
        database.execute_sql(f"SET idle_in_transaction_session_timeout = {milliseconds}")


def close_if_lost(database: pw.Database) -> bool:
    """Close the thread's connection if the server ended it; return whether it did.

    Peewee would go on using it. The next statement opens a new one.
    """
    if database.is_closed():
        return False
    if not getattr(database.connection(), "closed", False):
        return False
    database.close()
    return True
