"""Matches the results of an execution with the steps of the present case, by text and order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape

import attrs

from ztoq_core.html import plain_text
from ztoq_core.pictures.addresses import change_images
from ztoq_core.records import Ref, StepResult, TestCase, TestLog

_INVISIBLE = re.compile("[\u200b\u2060\ufeff]")
_DEEPEST = 8


@attrs.frozen
class FlatStep:
    """A step of a case whose called cases are replaced by their steps; ``path`` is ``"2/1"``."""

    path: str
    texts: tuple[str, str, str]


@lru_cache(maxsize=8192)
def _plain(html: str) -> str:
    """Return what a person sees of a text, pictures by their addresses, in one line."""
    # the steps of a case come back with each of its executions
    text = plain_text(change_images(html, lambda src: f"[{escape(src)}]"))
    return " ".join(_INVISIBLE.sub("", text).split())


def _texts(*texts: str) -> tuple[str, str, str]:
    first, second, third = (_plain(text) for text in texts)
    return first, second, third


def flatten_steps(
    case: TestCase,
    called: Callable[[Ref], TestCase | None],
    path: str = "",
    around: tuple[Ref, ...] = (),
) -> list[FlatStep]:
    """Return the steps of a case in the order of execution, with those of called cases.

    A call of one of the cases ``around`` it, which would never end, has no steps.
    """
    flat: list[FlatStep] = []
    around = (*around, case.ref)
    for step in case.steps:
        place = f"{path}{step.key}"
        opens = step.call and step.call.case not in around and len(around) <= _DEEPEST
        inner = called(step.call.case) if step.call and opens else None
        if inner is not None:
            flat += flatten_steps(inner, called, f"{place}/", around)
        elif step.call is None:
            flat.append(FlatStep(place, (step.description, step.data, step.expected)))
    if case.script is not None:
        # a script is executed as the step after the last one
        flat.append(FlatStep(f"{path}{len(case.steps) + 1}", (case.script.text, "", "")))
    return flat


def _row(
    results: Sequence[StepResult], flat: Sequence[FlatStep], mask: Callable[[str], str]
) -> list[str] | None:
    """Return the paths that one row's results match, in order; None if one matches nothing."""
    closed = [_texts(*step.texts) for step in flat]
    opened = [_texts(*map(mask, step.texts)) for step in flat]
    paths: list[str] = []
    place = 0
    for result in results:
        texts = (result.description, result.data, result.expected)
        exact, loose = _texts(*texts), _texts(*map(mask, texts))
        with_values = exact != loose
        while place < len(flat) and not (
            closed[place] == exact or (with_values and opened[place] == loose)
        ):
            place += 1
        if place == len(flat):
            return None
        paths.append(flat[place].path)
        place += 1
    return paths


def match_results(log: TestLog, flat: Sequence[FlatStep], mask: Callable[[str], str]) -> TestLog:
    """Return the log with each result's ``step`` set, or with ``drift`` if one matches no step.

    Each row of test data runs through all steps. ``mask`` is ``SourceRules.mask_parameters``.
    """
    rows: dict[int | None, list[StepResult]] = {}
    for result in log.results:
        rows.setdefault(result.row, []).append(result)
    joined: dict[str, str] = {}
    for results in rows.values():
        paths = _row(results, flat, mask)
        if paths is None:
            cleared = tuple(attrs.evolve(result, step="") for result in log.results)
            return attrs.evolve(log, results=cleared, drift=True)
        joined |= {result.key: path for result, path in zip(results, paths, strict=True)}
    placed = tuple(attrs.evolve(result, step=joined[result.key]) for result in log.results)
    return attrs.evolve(log, results=placed, drift=False)
