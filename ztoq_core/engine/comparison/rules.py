"""The results of a comparison, and the rules by which two values count as equal.

``docs/validation.md`` has the table of the rules; each has a test of a loss that it must not hide.
"""

from __future__ import annotations

from enum import StrEnum

import attrs


class Outcome(StrEnum):
    """What the comparison of one field says."""

    EQUAL = "equal"
    BY_RULE = "equal by rule"
    DIFFERENT = "different"
    MISSING = "missing"
    UNCHECKED = "not checked"


class Rule(StrEnum):
    """Why two values count as equal though they are not the same."""

    REWRITTEN_HTML = "rewritten-html"
    ADDRESS_RESOLVED = "address-resolved"
    ADDED_TEXT = "added-text"
    ONE_LINE = "one-line"
    PLAIN_TEXT = "plain-text"
    READABLE_TEXT = "readable-text"
    SAME_SIZE = "same-size"
    FILE_NAME_ENCODED = "file-name-encoded"
    SAME_NUMBER = "same-number"
    SAME_INSTANT = "same-instant"
    SAME_DAY = "same-day"
    START_AFTER_END = "start-after-end"
    YES_NO = "yes-no"
    LETTER_CASE = "letter-case"
    NEXT_CANDIDATE = "next-candidate"
    ANY_ORDER = "any-order"
    SAME_PERSON = "same-person"
    OPTIONAL = "optional"
    TARGET_DEFAULT = "target-default"
    SEVERAL_ROWS = "several-rows"
    DEFECT_ELSEWHERE = "defect-elsewhere"
    CASE_MADE_AGAIN = "case-made-again"
    REPORTED_LOSS = "reported-loss"


@attrs.frozen
class FieldResult:
    """The result for one field of a record; ``detail`` quotes both sides where they differ.

    ``field`` is what people call it, such as ``step 2: expected result``.
    """

    field: str
    outcome: Outcome
    rule: Rule | None = None
    detail: str = ""

    @property
    def proved(self) -> bool:
        """Whether the target holds what was sent."""
        return self.outcome in {Outcome.EQUAL, Outcome.BY_RULE}

    @property
    def wrong(self) -> bool:
        """Whether this is a finding."""
        return self.outcome in {Outcome.DIFFERENT, Outcome.MISSING}
