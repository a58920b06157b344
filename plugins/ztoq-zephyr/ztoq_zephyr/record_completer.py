"""Completes records with the parts that need requests of their own: steps, links, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import attrs

from ztoq_core.plugin import (
    Attachment,
    LinkType,
    Note,
    Record,
    RejectedError,
    Script,
    Services,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestStep,
)
from ztoq_zephyr.api import NOT_THERE, Api, path_of
from ztoq_zephyr.attachments import Attachments, FileOwner, unlisted
from ztoq_zephyr.execution import ExecutionPolicy
from ztoq_zephyr.lookups import Lookups
from ztoq_zephyr.note_codes import CALL_WITHOUT_KEY, PARAMETERS_NOT_SHOWN, RESULTS_NOT_SHOWN
from ztoq_zephyr.payloads import links_of, to_result, to_step
from ztoq_zephyr.properties import SCRIPT, odd_links, odd_steps, odd_values
from ztoq_zephyr.rich_text import rich
from ztoq_zephyr.shapes import DEEPEST, too_deep
from ztoq_zephyr.values import last_segment, mapped, text

WRONG_SCRIPT = 422
OK = 200
SCRIPTS = {"bdd": "bdd", "plain": "plain"}
HIDDEN_PARAMETERS = "uses parameters or test data; Zephyr's API does not show their definitions"

Linked = TypeVar("Linked", TestCase, TestCycle, TestLog)


class RecordCompleter:
    """Completes the records of one project."""

    def __init__(
        self,
        api: Api,
        lookups: Lookups,
        services: Services,
        files: Attachments,
        policy: ExecutionPolicy,
    ) -> None:
        self._api = api
        self._lookups = lookups
        self._services = services
        self._files = files
        self._policy = policy

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the completed record, then its files. ``raw`` includes the answers."""
        if isinstance(record, TestCase):
            return await self._case(record)
        if isinstance(record, TestLog):
            return await self._log(record)
        if isinstance(record, TestCycle):
            return await self._cycle(record)
        if isinstance(record, TestPlan):
            path = path_of("testplans", _name(record))
            owner = FileOwner(kind="test_plan", ref=record.ref, path=path)
            return _with_files(record, await self._files.of(owner))
        return (record,)

    async def _case(self, case: TestCase) -> tuple[Record, ...]:
        path = path_of("testcases", _name(case))
        case = await self._with_links(case, path, LinkType.COVERAGE)
        case = await self._with_script(case, path)
        files = await self._files.of(FileOwner(kind="test_case", ref=case.ref, path=path))
        whole = FileOwner(kind="test_step", ref=case.ref, path=path)
        files += await self._files_of_steps(whole, case.steps)
        return _with_files(case, files)

    async def _cycle(self, cycle: TestCycle) -> tuple[Record, ...]:
        path = path_of("testcycles", _name(cycle))
        cycle = await self._with_links(cycle, path, LinkType.RELATED)
        plan = next(iter(cycle.plans), None)
        files = await self._files.of(FileOwner(kind="test_cycle", ref=cycle.ref, path=path))
        return _with_files(cycle, tuple(attrs.evolve(file, plan=plan) for file in files))

    async def _log(self, log: TestLog) -> tuple[Record, ...]:
        path = path_of("testexecutions", _name(log))
        log = await self._with_links(log, path, LinkType.BLOCKS)
        log = await self._with_results(log, path)
        files = await self._files.of(FileOwner(kind="test_execution", ref=log.ref, path=path))
        defaults = frozenset((await self._lookups.statuses()).defaults)
        results = [
            result
            for result in log.results
            if self._files.of_unexecuted_steps or self._policy.happened(result, defaults)
        ]
        whole = FileOwner(kind="step_result", ref=log.ref, path=path)
        files += await self._files_of_steps(whole, results)
        log = attrs.evolve(log, files=sum(not unlisted(file) for file in files))
        if (executed := self._policy.took_place(log, defaults)) is not log.executed:
            log = attrs.evolve(log, executed=executed)
        return _with_files(log, files)

    async def _files_of_steps(
        self, whole: FileOwner, steps: Iterable[TestStep | StepResult]
    ) -> tuple[Attachment, ...]:
        """Return the files of each step; nothing shows which have any, so each needs a request."""
        files: tuple[Attachment, ...] = ()
        for step in steps:
            if step.source_id and self._files.wanted(whole.kind):
                path = f"{whole.path}/{path_of('teststeps', step.source_id)}"
                files += await self._files.of(
                    attrs.evolve(whole, path=path, step=step.source_id, part=step.key)
                )
        return files

    # ------------------------------------------------------------------------------------- links

    async def _with_links(self, record: Linked, path: str, default: LinkType) -> Linked:
        """Return the record with its links; those that the list does not have are requested.

        For an execution that does not exist the answer is 400 instead of 404 (schemas 2026-08).
        """
        inline: Mapping[str, Any] = mapped(mapped(record.raw).get("links"))
        lists = [inline[name] for name in ("issues", "webLinks") if name in inline]
        if lists and all(isinstance(each, list) for each in lists):
            odd: tuple[Note, ...] = odd_links(inline)
            return attrs.evolve(record, notes=(*record.notes, *odd)) if odd else record
        answer = await self._api.get(f"{path}/links", accept=NOT_THERE)
        links: Any = answer.body if answer.status == OK else None
        return attrs.evolve(
            record,
            links=links_of(links, default),
            notes=(*record.notes, *odd_links(links)),
            raw=_extended(record, links=links),
        )

    # ---------------------------------------------------------------------- steps and their results

    async def _with_script(self, case: TestCase, path: str) -> TestCase:
        """Return the case with its steps or its script.

        ``testScript.self`` shows which it has; the endpoint of the other one answers 422.

        Raises:
            RejectedError: The service has neither.
        """
        script = mapped(mapped(case.raw).get("testScript"))
        if last_segment(script.get("self")).casefold() == "testscript":
            ways = (self._script, self._steps)
        else:
            ways = (self._steps, self._script)
        for way in ways:
            found = await way(case, path)
            if found is not None:
                return found
        raise RejectedError(
            f"Zephyr: {case.ref}: it has neither steps nor a script (422 from both)",
            status=WRONG_SCRIPT,
        )

    async def _steps(self, case: TestCase, path: str) -> TestCase | None:
        values = await self._all_steps(path)
        if values is None:
            return None
        steps = tuple(to_step(value, place) for place, value in enumerate(values, 1))
        for value, step in zip(values, steps, strict=True):
            self._note_call(case, value, step)
        notes = (*case.notes, *odd_steps(values))
        return attrs.evolve(case, steps=steps, notes=notes, raw=_extended(case, teststeps=values))

    async def _script(self, case: TestCase, path: str) -> TestCase | None:
        answer = await self._api.get(f"{path}/testscript", accept=(WRONG_SCRIPT,))
        if answer.status == WRONG_SCRIPT:
            return None
        body = answer.body
        language = SCRIPTS.get(text(body.get("type")).casefold(), "plain")
        script = Script(language=language, text=rich(body.get("text")))
        notes = (*case.notes, *odd_values(body, SCRIPT))
        return attrs.evolve(case, script=script, notes=notes, raw=_extended(case, testscript=body))

    async def _with_results(self, log: TestLog, path: str) -> TestLog:
        notes = list(log.notes)
        try:
            # guess: an execution of a script has no steps; 422 as for its case
            values = await self._all_steps(path) or []
        except RejectedError as error:
            if error.status not in NOT_THERE or not await self._exists(path):
                raise
            values = []
            text = f"the results of its steps are not shown: {error}"
            notes.append(RESULTS_NOT_SHOWN.note(text))
        results: list[StepResult] = []
        for place, value in enumerate(values, 1):
            status = mapped(mapped(value).get("inline")).get("status")
            name = await self._lookups.name("statuses", status)
            results.append(to_result(value, place, name))
        if any(result.row is not None for result in results):
            self._services.note(PARAMETERS_NOT_SHOWN, HIDDEN_PARAMETERS, log.case)
        raw = _extended(log, teststeps=values)
        notes += odd_steps(values)
        return attrs.evolve(log, results=tuple(results), notes=tuple(notes), raw=raw)

    async def _exists(self, path: str) -> bool:
        """Return whether the service knows an object of which it does not know a part."""
        return (await self._api.get(path, accept=NOT_THERE)).status == OK

    async def _all_steps(self, path: str) -> list[Any] | None:
        """Return all steps, None if the case has a script instead."""
        try:
            values = await self._api.all_of(f"{path}/teststeps")
        except RejectedError as error:
            if error.status == WRONG_SCRIPT:
                return None
            raise
        if too_deep(values):
            raise RejectedError(f"Zephyr: {path}: a step is nested more than {DEEPEST} deep")
        return values

    def _note_call(self, case: TestCase, value: Any, step: TestStep) -> None:
        if step.call and step.call.parameters:
            self._services.note(PARAMETERS_NOT_SHOWN, HIDDEN_PARAMETERS, case.ref)
        if not step.call and mapped(mapped(value).get("testCase")):
            self._services.note(
                CALL_WITHOUT_KEY,
                f"step {step.key} calls a test case whose key Zephyr does not show",
                case.ref,
            )


def _name(record: Record) -> str:
    """Return the name of a record at the service: its key there, else its number."""
    raw = mapped(record.raw)
    return text(raw.get("key")) or text(raw.get("id")) or record.key


def _extended(record: Record, **parts: Any) -> Mapping[str, Any]:
    return {**mapped(record.raw), **parts}


def _with_files(record: Record, files: tuple[Attachment, ...]) -> tuple[Record, ...]:
    if files:
        raw = _extended(record, attachments=[file.raw for file in files])
        record = attrs.evolve(record, raw=raw)
    return (record, *files)
