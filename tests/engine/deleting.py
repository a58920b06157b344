"""A sink in memory that deletes as services do."""

from __future__ import annotations

from ztoq_testkit.memory import MemorySink

from ztoq_core.contracts import Mark
from ztoq_core.records import Kind

__all__ = ["Deleting"]


class Deleting(MemorySink):
    """Deletes as qTest does: files go with their owner, logs with their run."""

    async def delete(self, kind: Kind, target_id: str) -> None:
        ref = self.objects[target_id].record.ref
        inside = await self.contents(kind, target_id)
        assert all(mark.kind is Kind.TEST_LOG for mark in inside), "deleted with its children"
        await super().delete(kind, target_id)
        for number, each in list(self.objects.items()):
            if ref in each.record.parents():
                gone = each.record.ref
                self.objects.pop(number)
                for other, file in list(self.objects.items()):
                    if gone in file.record.parents():
                        self.objects.pop(other)

    async def contents(self, kind: Kind, target_id: str) -> tuple[Mark, ...]:  # noqa: ARG002
        ref = self.objects[target_id].record.ref
        return tuple(
            Mark(kind=each.record.kind, key=each.record.key, target_id=number)
            for number, each in self.objects.items()
            if each.record.kind is not Kind.ATTACHMENT and ref in each.record.parents()
        )
