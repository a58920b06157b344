"""Finds the names of people by the account ids in records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

import attrs

from ztoq_core.plugin import FieldType, FieldValue, User, Value
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import plain


@attrs.frozen
class People:
    """The people of whom more than an id is known."""

    known: Mapping[str, User] = attrs.field(factory=dict)

    @classmethod
    def of(cls, users: Iterable[User]) -> Self:
        """Return those of the users who have a name or an e-mail."""
        return cls({user.id: user for user in users if user.name.strip() or user.email.strip()})

    def text(self, account: str) -> str:
        """Return ``Name (e-mail)``, or one of both, or the id of somebody unknown."""
        user = self.known.get(account)
        if user is None:
            return account
        name, email = user.name.strip(), user.email.strip()
        return f"{name} ({email})" if name and email and name != email else name or email

    def user(
        self, label: str, account: str, notes: NoteCollector, origin: str
    ) -> tuple[FieldValue, ...]:
        """Return an optional value for a field of users; nothing for somebody unknown."""
        if account not in self.known:
            return ()
        first, *others = (plain(word, notes) for word in self._words(account))
        value = FieldValue(
            name=label,
            value=first,
            type=FieldType.USER,
            alternatives=tuple(others),
            optional=True,
            origin=origin,
        )
        return (value,)

    def field(self, value: Value) -> tuple[Value, FieldType, tuple[str, ...]]:
        """Return value, type and alternatives of a custom field that holds account ids.

        A user where the person is known, else the id as text: an id alone makes no field of users.
        """
        if not isinstance(value, str) or value not in self.known:
            return value, FieldType.TEXT, ()
        first, *others = self._words(value)
        return first, FieldType.USER, tuple(others)

    def _words(self, account: str) -> tuple[str, ...]:
        """Return the names that a person may have in the target, the most reliable first."""
        user = self.known[account]
        words = (user.email.strip(), user.name.strip(), account)
        return tuple(dict.fromkeys(filter(None, words)))
