"""Patterns of folder paths, such as ``Legacy/*/Smoke``."""

from __future__ import annotations

from fnmatch import fnmatchcase

import attrs


@attrs.frozen
class Pattern:
    """A path whose parts may hold ``*``, ``?`` and ``[…]``; a part ``**`` is any number of folders.

    A folder that a pattern matches is meant with everything in it. ``""`` means what is in no
    folder.
    """

    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Pattern:
        """Parse a pattern; slashes at its ends do not matter."""
        bare = text.strip("/")
        return cls(tuple(bare.split("/")) if bare else ())

    def matches(self, path: tuple[str, ...]) -> bool:
        """Return whether the pattern matches the folder at ``path`` or one around it."""
        if not self.parts:
            return not path
        return () in self._left(path, partly=True)

    def may_match_in(self, path: tuple[str, ...]) -> bool:
        """Return whether the pattern may match a folder inside the one at ``path``."""
        return bool(self._left(path, partly=False))

    def _left(self, path: tuple[str, ...], *, partly: bool) -> set[tuple[str, ...]]:
        """Return the rest of the pattern after the path was compared with it.

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
        """Add the rests in which ``**`` matches no folder."""
        found = set(states)
        for state in states:
            rest = state
            while rest and rest[0] == "**":
                rest = rest[1:]
                found.add(rest)
        return found
