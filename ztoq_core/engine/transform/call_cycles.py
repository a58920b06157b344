"""Calls from case to case that close a circle, of which targets take none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from ztoq_core.records import Ref, TestCase

__all__ = ["called_by", "calls_closing_a_cycle"]

Calls = Callable[[Ref], Sequence[Ref]]


def called_by(case: TestCase) -> tuple[Ref, ...]:
    """Return the cases that a case calls, each once, in the order of its steps."""
    return tuple(dict.fromkeys(step.call.case for step in case.steps if step.call))


def calls_closing_a_cycle(case: Ref, calls: Calls) -> frozenset[Ref]:
    """Return those of the called cases by whose calls a circle closes.

    Of each circle one call closes it, the same whichever of its cases is asked: the circle's calls
    are gone through by key and order, and a call that leads back by those before it is the one.
    """
    circle = _circle(case, calls)
    if not circle:
        return frozenset()
    kept: dict[Ref, list[Ref]] = {each: [] for each in circle}
    closes = []
    for caller in sorted(circle, key=lambda ref: ref.key):
        for callee in calls(caller):
            if callee not in circle:
                continue
            if callee == caller or caller in _reachable(callee, kept):
                closes.append((caller, callee))
            else:
                kept[caller].append(callee)
    return frozenset(callee for caller, callee in closes if caller == case)


def _circle(case: Ref, calls: Calls) -> Collection[Ref]:
    """Return the cases that the case calls, however far, and that call it again."""
    found: dict[Ref, Sequence[Ref]] = {}
    waiting = [case]
    while waiting:
        if (one := waiting.pop()) not in found:
            found[one] = calls(one)
            waiting += found[one]
    back: dict[Ref, list[Ref]] = {}
    for caller, callees in found.items():
        for callee in callees:
            back.setdefault(callee, []).append(caller)
    return _reachable(case, back) if case in back else ()


def _reachable(start: Ref, edges: Mapping[Ref, Sequence[Ref]]) -> set[Ref]:
    found: set[Ref] = set()
    waiting = [start]
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += edges.get(one, ())
    return found
