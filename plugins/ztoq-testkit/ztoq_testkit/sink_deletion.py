"""The part of the suite of sinks that is about deletion, which a rollback relies on."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ztoq_core.contracts import Sink
from ztoq_core.errors import RejectedError
from ztoq_core.records import Kind, Record, TestLog
from ztoq_testkit.target import NOT_THERE, Target, around, deleting, free, of

NOBODY = "999999999"


class DeletionContract:
    """Tests that objects are deleted one by one, children first; nothing else goes with them."""

    async def _arrived(self, sink: Sink) -> tuple[Target, tuple[Record, ...]]:
        raise NotImplementedError

    async def test_contents_tell_what_would_go_along(self, sink: Sink) -> None:
        """Children, runs of a case, logs of a run, callers of a case, files on all that goes."""
        target, records = await self._arrived(sink)
        asked = deleting(sink)
        along = target.schema.goes_with_owner
        for kind in {each.kind for each in records} - {Kind.ATTACHMENT, Kind.FIELD}:
            these = [each for each in records if each.kind is kind]
            ids = [target.at(each).target_id for each in these]
            told = await asked.children(kind, ids)
            assert set(told) == set(ids), (
                f"children({kind}) has entries for {sorted(told)}, asked for {sorted(ids)}: give "
                "one "
                "for each id, empty where nothing is inside"
            )
            for record in these:
                inside = around(record, records, along)
                found = {(each.kind, each.target_id) for each in told[target.at(record).target_id]}
                expected = {(each.kind, target.at(each).target_id): each.ref for each in inside}
                lacking = [str(expected[each]) for each in expected if each not in found]
                assert not lacking, (
                    f"children({record.ref}) lacks {lacking}: name all that its deletion would "
                    "remove or harm, or a rollback deletes what others made in it"
                )
        for record in free(records):
            number = target.at(record).target_id
            left = (await asked.children(record.kind, [number]))[number]
            files = {target.at(each).target_id for each in around(record, records, along)}
            others = [each for each in left if not each.linked and each.target_id not in files]
            assert not others, (
                f"children({record.ref}) names {others}, which are not in it: a rollback would "
                "keep "
                "it for them"
            )

    async def test_what_does_not_exist_has_no_children_and_is_absent(self, sink: Sink) -> None:
        asked = deleting(sink)
        await sink.describe()
        told = await asked.children(Kind.TEST_CASE, [NOBODY])
        assert dict(told) == {NOBODY: ()}, (
            f"children() of an object that does not exist gives {dict(told)}: give it an empty "
            "entry"
        )
        with pytest.raises(RejectedError) as caught:
            await asked.delete(Kind.TEST_CASE, NOBODY)
        assert caught.value.status == NOT_THERE, (
            f"delete() of an object that does not exist is rejected with {caught.value.status}: "
            "give "
            "status 404, by which ztoq knows that it is gone"
        )

    async def test_deleting_removes_that_object_alone(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        these = free(records)
        for record in these:
            await target.delete(record)
        for record in records:
            there = await target.is_there(record)
            assert there is (record not in these), (
                f"{record.ref} is {'still' if there else 'not'} there after "
                f"{[str(each.ref) for each in these]} were deleted: delete that object and "
                "nothing else"
            )

    async def test_deleting_does_not_cascade(self, sink: Sink) -> None:
        """A container with something inside stays, or what is inside does."""
        target, records = await self._arrived(sink)
        for record in (each for each in records if each.kind is Kind.FOLDER):
            inside = [each for each in records if record.ref in each.parents()]
            with suppress(RejectedError):
                await target.delete(record)
            gone = [str(each.ref) for each in inside if not await target.is_there(each)]
            assert not gone, (
                f"deleting {record.ref} took {gone} along: refuse it with RejectedError while "
                "something is inside, and never force"
            )

    async def test_what_goes_with_its_owner_is_declared(self, sink: Sink) -> None:
        """A run takes its logs along if the schema says so; otherwise it stays, or they do."""
        target, records = await self._arrived(sink)
        along = Kind.TEST_LOG in target.schema.goes_with_owner
        logs = [each for each in records if isinstance(each, TestLog)]
        if logs and not along:
            with suppress(RejectedError):
                await target.delete(of(logs[0].run, records))
            for log in logs:
                assert await target.is_there(log), (
                    f"{log.ref} went with its run: declare test_log in Schema.goes_with_owner, or "
                    "refuse to delete a run that has logs"
                )
                await self._delete(target, log)
        for run in dict.fromkeys(log.run for log in logs):
            if await target.is_there(of(run, records)):
                await self._delete(target, of(run, records))
        left = [str(log.ref) for log in logs if await target.is_there(log)]
        assert not left, f"{left} are there though their runs are gone: delete them with their run"

    async def test_all_that_was_written_can_be_removed(self, sink: Sink) -> None:
        """Children first; only what goes with its owner may be refused, and is gone with that."""
        target, records = await self._arrived(sink)
        for record in reversed(records):
            if record.kind in target.schema.goes_with_owner:
                with suppress(RejectedError):
                    await target.delete(record)
            else:
                await self._delete(target, record)
        left = [str(each.ref) for each in records if await target.is_there(each)]
        assert not left, (
            f"{left} cannot be removed: delete() must remove what it was asked to, or be rejected"
        )

    async def _delete(self, target: Target, record: Record) -> None:
        """Delete what nothing is in any more; a requirement may have been there before."""
        try:
            await target.delete(record)
        except RejectedError as error:
            if target.at(record).borrowed:
                return
            pytest.fail(
                f"delete({record.ref}) is refused though nothing is in it any more ({error}): "
                "allow "
                f"it, or declare {record.kind} in Schema.goes_with_owner if it goes with its owner"
            )
