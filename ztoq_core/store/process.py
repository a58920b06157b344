"""Identifies a process so that a later one can find out whether it still runs.

A process id alone is not enough: it is used again after a reboot, and names different processes in
different containers. On Linux it is completed by the kernel's boot id, the namespace of process ids
and the start time of the process; elsewhere only host name and process id are known.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import attrs

_DEAD = ("Z", "X")  # a zombie has ended; only its exit code was not read yet
_STATE, _STARTED = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted from the third (proc(5))


@attrs.frozen(kw_only=True)
class Process:
    """A process. ``boot`` and ``born`` are empty if the system does not show them."""

    host: str
    pid: int
    boot: str = ""
    born: str = ""

    @classmethod
    def this(cls) -> Process:
        """Return the present process."""
        stat = _stat(os.getpid())
        return cls(
            host=socket.gethostname(),
            pid=os.getpid(),
            boot=_boot(),
            born=stat[_STARTED] if stat else "",
        )

    def runs(self) -> bool | None:
        """Return whether the process still runs, None if this process cannot see it."""
        if os.name != "posix" or self.host != socket.gethostname():
            return None
        if self.boot and self.boot != _boot():
            return (
                None  # another container or machine of the same name, or the machine was restarted
            )
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it belongs to another user
        stat = _stat(self.pid)
        if stat is None:
            return True  # no /proc, or one that hides the processes of others
        return stat[_STATE] not in _DEAD and self.born in {"", stat[_STARTED]}


def since_boot() -> float:
    """Return seconds on a clock that is never set and that goes on while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_MONOTONIC"):  # macOS counts sleep in this one, not in monotonic()
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    """Return the fields of ``/proc/PID/stat`` from the third on, behind the name in brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
