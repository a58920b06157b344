"""Files are replaced as a whole, and what the system says names the file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ztoq_files.disk import chunks_of, digest_of, on_disk, replacing

from ztoq_core.plugin import ConfigError


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    with replacing(path) as file:
        file.write(b"old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"ne")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["facts.json"]


def test_what_a_killed_process_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".facts.json.part").write_bytes(b"half")
    with replacing(tmp_path / "facts.json") as file:
        file.write(b"new")
    assert (tmp_path / "facts.json").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("named", "shown"),
    [("folder/inner.json", "folder/inner.json"), ("other.json", "folder"), (None, "folder")],
)
def test_an_error_names_the_file_or_the_one_inside(
    tmp_path: Path, named: str | None, shown: str
) -> None:
    where = str(tmp_path / named) if named else None
    with (
        pytest.raises(ConfigError) as caught,
        on_disk(tmp_path / "folder", "write"),
    ):
        raise OSError(13, "Permission denied", where)
    assert str(caught.value) == f"cannot write {str(tmp_path / shown)!r}: Permission denied"


async def test_the_chunks_of_a_file_are_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(600_000))
    assert [len(each) async for each in chunks_of(path)] == [262_144, 262_144, 75_712]
    assert digest_of(path) == hashlib.sha256(bytes(600_000)).hexdigest()
