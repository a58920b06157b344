"""Patterns of folder paths, such as ``Legacy/*/Smoke``."""

from __future__ import annotations

from fnmatch import fnmatchcase

import attrs

__all__ = ["Pattern"]


@attrs.frozen
class Pattern:
    """A path whose parts may hold ``*``, ``?`` and ``[…]``; a part ``**`` is any number of folders.

    A folder that a pattern matches is meant with all that lies in it. ``""`` means what lies in no
    folder.
    """

    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Pattern:
        """Return the pattern that a text stands for; slashes at its ends mean nothing."""
        bare = text.strip("/")
        return cls(tuple(bare.split("/")) if bare else ())

    def matches(self, path: tuple[str, ...]) -> bool:
        """Return whether the folder at ``path``, or one around it, is meant."""
        if not self.parts:
            return not path
        return () in self._left(path, partly=True)

    def may_match_in(self, path: tuple[str, ...]) -> bool:
        """Return whether a folder in the one at ``path`` may be meant."""
        return bool(self._left(path, partly=False))

    def _left(self, path: tuple[str, ...], *, partly: bool) -> set[tuple[str, ...]]:
        """Return what is left of the pattern once it has been held against the path.

        ``partly``: the pattern may end before the path does.
        """
        states = self._open({self.parts})
        for name in path:
            if partly and () in states:
                return {()}
            states = self._open(
                {
                    state if state[0] == "**" else state[1:]
                    for state in states
                    if state and (state[0] == "**" or fnmatchcase(name, state[0]))
                }
            )
        return states

    @staticmethod
    def _open(states: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
        """Add what is left where ``**`` stands for no folder."""
        found = set(states)
        for state in states:
            rest = state
            while rest and rest[0] == "**":
                rest = rest[1:]
                found.add(rest)
        return found
