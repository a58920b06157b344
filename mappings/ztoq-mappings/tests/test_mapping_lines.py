from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from ztoq_mappings.fields.toml_lines import Path, line_of, lines

# each number is the line that it stands on
ODD = '''\
first = 1 # a comment with = [ and "
"quoted key" = 2
'literal \\ key' = 3

[table]
dotted . "and.quoted" = 6
inline = { a = 7, "b c" = 7, d.e = 7, empty = {} }
text = """
not_a_key = 9
\\" "" still text \\\\"""
after = 11
literal = \'\'\'
[no.table]
'' \'\'\'
last = 15
strings = ["]", '}', "a\\"b", "#"]  # ]
day = 1979-05-27 07:32:00
numbers = [
  19, # one

  21,
  [22, [22]],
]

[[list]]
a = 26
[[list.inner]]
b = 28
[[list.inner]]
c = 30
[list.inner.table]
d = 32
[[other]]
e = 34
[[list]]
a = 36
[list.deep.table]
f = 38
[table.sub]
g = 40\
'''


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    else:
        yield path, value


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_every_number_stands_on_its_line(ends: str) -> None:
    text = ODD.replace("\n", ends)
    found = lines(text)
    numbers = [each for each in leaves(tomllib.loads(text)) if isinstance(each[1], int)]
    assert len(numbers) == 21
    assert {path: found[path] for path, _ in numbers} == dict(numbers)


def test_tables_stand_where_their_brackets_do() -> None:
    found = lines(ODD)
    assert [found["list", 0], found["list", 1], found["list",]] == [25, 35, 25]
    assert found["list", 0, "inner", 1, "table"] == 31
    assert found["list", 1, "deep", "table"] == 37
    assert found["table", "text"] == 8


def test_the_line_of_what_is_not_there_is_that_of_what_lies_around() -> None:
    found = lines(ODD)
    assert line_of(("list", 1, "deep", "nowhere"), found) == 37
    assert line_of(("nowhere",), found) == 1
    assert line_of(("table", "inline", 0, "a"), found) == 7, "a table by itself is a list of one"


KEYS = st.text(max_size=4)
VALUES = st.recursive(
    st.one_of(st.integers(0, 9), st.text(max_size=9), st.booleans(), st.dates()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_key_of_any_file_has_a_line(data: dict[str, Any]) -> None:
    try:
        text = tomlkit.dumps(data)
        again = tomllib.loads(text)
    except (ValueError, tomlkit.exceptions.TOMLKitError):
        return  # what the writer cannot say
    found = lines(text)
    assert [path for path, _ in leaves(again) if path not in found] == []
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
