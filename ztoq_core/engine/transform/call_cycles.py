"""Finds the calls between cases that close a cycle, which targets do not accept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from ztoq_core.records import Ref, TestCase

Calls = Callable[[Ref], Sequence[Ref]]


def called_by(case: TestCase) -> tuple[Ref, ...]:
    """Return the cases that a case calls, each once, in the order of its steps."""
    return tuple(dict.fromkeys(step.call.case for step in case.steps if step.call))


def calls_closing_a_cycle(case: Ref, calls: Calls) -> frozenset[Ref]:
    """Return the called cases whose call closes a cycle.

    It is the same call whichever case of the cycle is asked: calls are looked at by key and order,
    and the first that leads back over earlier ones closes the cycle.
    """
    cycle = _cycle(case, calls)
    if not cycle:
        return frozenset()
    kept: dict[Ref, list[Ref]] = {each: [] for each in cycle}
    closes = []
    for caller in sorted(cycle, key=lambda ref: ref.key):
        for callee in calls(caller):
            if callee not in cycle:
                continue
            if callee == caller or caller in _reachable(callee, kept):
                closes.append((caller, callee))
            else:
                kept[caller].append(callee)
    return frozenset(callee for caller, callee in closes if caller == case)


def _cycle(case: Ref, calls: Calls) -> Collection[Ref]:
    """Return the cases that the case calls, directly or not, and that call it back."""
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
