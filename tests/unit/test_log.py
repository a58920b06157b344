from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path

import pytest
from loguru import logger

from ztoq_core import log
from ztoq_core.errors import ConfigError


def test_a_line_in_the_file_carries_run_stage_kind_and_key(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "ztoq.log"
    with (
        log.configured(lambda _: None, file=path),
        logger.contextualize(run=7, stage="load"),
    ):
        logger.bind(kind="test_case", key="ACME-T1").info("written as {}", 4242)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} INFO    "
        r"run=7 stage=load kind=test_case key=ACME-T1 written as 4242\n",
        path.read_text(),
    )


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "ztoq.log"
    with log.configured(lambda _: None, file=path):
        logger.warning("x")
    assert path.stat().st_mode & 0o777 == 0o600


def test_people_see_the_level_the_record_and_the_message() -> None:
    lines: list[str] = []
    with log.configured(lines.append):
        logger.info("not shown")
        logger.warning("careful")
        logger.bind(kind="test_case", key="ACME-T1").error("refused")
    assert lines == ["WARNING: careful\n", "ERROR: test_case ACME-T1: refused\n"]


def test_a_name_with_a_newline_stays_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "ztoq.log"
    with log.configured(lambda _: None, file=path):
        logger.bind(key="A\nB").warning("a\r\nb")
    assert path.read_text().count("\n") == 1
    assert r"key=A\nB a\r\nb" in path.read_text()


def test_the_file_rotates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "FILE_BYTES", 500)
    with log.configured(lambda _: None, file=tmp_path / "ztoq.log"):
        for number in range(100):
            logger.warning("line {}", number)
    kept = sorted(each.name for each in tmp_path.iterdir())
    assert kept == ["ztoq.log", *(f"ztoq.log.{number}" for number in range(1, 6))]
    assert (tmp_path / "ztoq.log").stat().st_size <= 500


def test_a_file_that_cannot_be_opened_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match="cannot write the log file"),
        log.configured(lambda _: None, file=tmp_path / "file" / "ztoq.log"),
    ):
        pass


def test_a_full_disk_does_not_stop_a_run_because_of_its_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with log.configured(lambda _: None, file=Path("/dev/full")):
        logger.warning("one")
        logger.warning("two")
    said = capsys.readouterr().err
    assert said.count("cannot write the log file") == 1
    assert "Traceback" not in said


def test_libraries_and_warnings_come_to_the_log_from_warning_up() -> None:
    lines: list[str] = []
    with log.configured(lines.append), warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.getLogger("aiohttp.client").info("not shown")
        logging.getLogger("aiohttp.client").warning("unclosed {session}")
        logging.getLogger("other").log(35, "a level of its own")
        warnings.warn("old", UserWarning, stacklevel=1)
    assert lines[0] == "WARNING: aiohttp.client: unclosed {session}\n"
    assert lines[1] == "WARNING: other: a level of its own\n"
    assert "py.warnings" in lines[2]


def test_values_of_variables_are_shown_nowhere(tmp_path: Path) -> None:
    lines: list[str] = []
    path = tmp_path / "ztoq.log"
    with log.configured(lines.append, file=path, traces=True):
        token = "s3cret"
        try:
            int(token[:0])
        except ValueError:
            logger.exception("failed")
    assert "Traceback" in lines[0]
    assert "s3cret" not in lines[0].replace('token = "s3cret"', "")
    assert "Traceback" in path.read_text()


def test_without_traces_there_is_no_traceback() -> None:
    lines: list[str] = []
    with log.configured(lines.append):
        try:
            int("")
        except ValueError:
            logger.exception("failed")
    assert lines == ["ERROR: failed\n"]


def test_nothing_is_left_configured_afterwards() -> None:
    before = list(logging.root.handlers)
    with log.configured(lambda _: None):
        pass
    assert logging.root.handlers == before
