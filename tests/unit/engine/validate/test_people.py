"""Two users of a target may bear one name: what was sent and what is held are compared by id."""

from __future__ import annotations

import pytest

from ztoq_core.contracts import FieldSpec, Schema, User
from ztoq_core.engine.comparison.single_values import Known
from ztoq_core.engine.comparison.values import compare_fields
from ztoq_core.records import FieldType, FieldValue, Kind

ANN = User(id="7", name="Ann Ray", email="ann@example.com")
NAMESAKE = User(id="8", name="Ann Ray", email="ann2@example.com")
LEFT = User(id="9", name="Ann Ray", email="old@example.com", active=False)
OTHERS = {"alone": (), "namesake": (NAMESAKE,), "namesake who left": (LEFT,)}


def outcomes(users: tuple[User, ...], sent: FieldValue, held: FieldValue, *, several: bool) -> bool:
    spec = FieldSpec(kind=Kind.TEST_RUN, name="Tester", type=FieldType.USER, multiple=several)
    known = Known(schema=Schema(fields=(spec,), users=users), links={})
    (result,) = compare_fields(Kind.TEST_RUN, [sent], [held], known)
    return not result.wrong


def named(value: str | tuple[str, ...], *more: str) -> FieldValue:
    return FieldValue(name="Tester", value=value, type=FieldType.USER, alternatives=more)


SENT = [
    named("ann@example.com", "Ann Ray"),
    named("7"),
    named("ANN@example.com"),
    named("no@x", "7"),
]


@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("sent", SENT, ids=str)
@pytest.mark.parametrize("several", [False, True])
def test_a_person_is_told_from_one_of_the_same_name(
    others: str, sent: FieldValue, *, several: bool
) -> None:
    users = (ANN, *OTHERS[others])
    for user in users:
        held = named((user.id,)) if several else named(user.name, user.id)
        assert outcomes(users, sent, held, several=several) == (user is ANN)


@pytest.mark.parametrize("users", [(ANN,), (ANN, LEFT)])
def test_a_name_means_the_only_active_user_who_bears_it(users: tuple[User, ...]) -> None:
    assert outcomes(users, named("Ann Ray"), named("Ann Ray", "7"), several=False)


def test_several_people_are_a_set() -> None:
    bob = User(id="5", name="Bob", email="bob@example.com")
    sent = named(("bob@example.com", "ann@example.com"))
    assert outcomes((ANN, NAMESAKE, bob), sent, named(("7", "5")), several=True)
    assert not outcomes((ANN, NAMESAKE, bob), sent, named(("8", "5")), several=True)


def test_names_are_enough_where_the_target_tells_no_users() -> None:
    assert outcomes((), named("Ann Ray"), named("Ann Ray"), several=False)
    assert not outcomes((), named("Ann Ray"), named("Bob"), several=False)
