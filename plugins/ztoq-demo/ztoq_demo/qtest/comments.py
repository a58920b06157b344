"""Comments of requirements, cases, runs and defects."""

from __future__ import annotations

import time

from ztoq_testkit.simulate import Reply

from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.objects import Case, Comment, Defect, Place, Requirement, Run, Thing
from ztoq_demo.qtest.site import API, Call, Handler, Line, missing
from ztoq_demo.qtest.views import comment as view

OWNERS: tuple[type[Thing], ...] = (Requirement, Case, Run, Defect)


def _content(call: Call) -> str:
    content = call.body().get("content")
    if not isinstance(content, str) or not content:
        raise bad("a comment needs content")
    return content


def _handlers(kind: type[Thing]) -> tuple[tuple[str, str, Handler], ...]:
    def place(call: Call) -> Place:
        return call.thing(kind, "idOrKey", pid=True).place

    def found(call: Call) -> Comment:
        value = call.state.comments.get(place(call), {}).get(call.number("commentId"))
        if value is None:
            raise missing("comment")
        return value

    def create(call: Call) -> Reply:
        owner, now = place(call), int(time.time())
        made = Comment(
            id=call.state.new_id(),
            owner=owner,
            content=_content(call),
            author=call.user.id,
            created=now,
            updated=now,
        )
        call.state.comments.setdefault(owner, {})[made.id] = made
        return Reply(200, view(call, made))

    def listed(call: Call) -> Reply:
        comments = list(call.state.comments.get(place(call), {}).values())
        return call.paged(comments, lambda value: view(call, value))

    def one(call: Call) -> Reply:
        return Reply(200, view(call, found(call)))

    def update(call: Call) -> Reply:
        value = found(call)
        value.content, value.updated = _content(call), int(time.time())
        return Reply(200, view(call, value))

    def delete(call: Call) -> Reply:
        value = found(call)
        del call.state.comments[value.owner][value.id]
        return Reply(200, {})

    every = f"{API}/{kind.type}/{{idOrKey}}/comments"
    single = every + "/{commentId}"
    return (
        ("POST", every, create),
        ("GET", every, listed),
        ("GET", single, one),
        ("PUT", single, update),
        ("DELETE", single, delete),
    )


LINES: tuple[Line, ...] = tuple(line for kind in OWNERS for line in _handlers(kind))
