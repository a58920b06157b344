"""Names and texts from services must not reach the terminal as commands to it."""

from __future__ import annotations

import json
import re

import pytest

from tests.unit.cli.conftest import Program
from ztoq_core.cli.lines import printable
from ztoq_core.cli.options import Options
from ztoq_core.cli.output import Output

pytestmark = pytest.mark.unmeasured  # a second time through what others cover

TEXT = "x\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202egnp\u2066\u2028\x7f"
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]")
VERBS = (
    ("extract",),
    ("transform",),
    ("status",),
    ("config", "check"),
    ("config", "fields"),
    ("config", "show"),
    ("map", "check"),
    ("map", "show", f"ACME-{TEXT}"),
    ("map", "show", TEXT),
    ("map", "suggest"),
    ("load",),
    ("validate",),
    ("-vv", "migrate"),
    ("explain", f"ACME-{TEXT}"),
    ("-v", "explain", f"ACME-{TEXT}"),
    ("explain", TEXT),
    ("retry", "--key", f"ACME-{TEXT}"),
    ("retry", "--key", TEXT),
    ("resolve",),
    ("resolve", "--adopt", f"{TEXT}=1"),
    ("report",),
    ("report", "--output", TEXT[:9]),
    ("plugins",),
    ("rollback", "--dry-run"),
    ("rollback", "--yes"),
    (TEXT,),
    ("status", f"--{TEXT}"),
    ("--config", TEXT, "status"),
)


def test_no_verb_prints_a_control_character_of_a_record(ztoq: Program) -> None:
    hostile = json.dumps(TEXT)
    ztoq.config(
        source=f"hostile = {hostile}",
        sink=f"refuses = [{json.dumps(f'ACME-{TEXT}')}]\nsays = {hostile}\nproject = 7",
        more=f'[[transform]]\nuse = "suffix"\nsuffix = {hostile}',
    )
    answered = {verb: ztoq(*verb) for verb in VERBS}
    assert not [verb for verb, said in answered.items() if HARMFUL.search(said.out + said.err)]
    assert not [said for said in answered.values() if said.code == 70]
    # the record was there to be printed, not lost on the way
    assert "\\x1b]0;owned" in answered["explain", f"ACME-{TEXT}"].out
    assert not [said for verb in VERBS if (said := ztoq("--json", *verb)).code == 70]


def test_no_name_or_reason_forges_a_line(ztoq: Program) -> None:
    forged = "x\nFORGED: all is well"
    ztoq.config(
        source=f"hostile = {json.dumps(forged)}",
        sink=f"refuses = [{json.dumps(f'ACME-{forged}')}]\nsays = {json.dumps(forged)}",
    )
    verbs = [*VERBS, ("explain", f"ACME-{forged}"), ("retry", "--key", f"ACME-{forged}")]
    lines = [
        line
        for verb in verbs
        for said in [ztoq(*verb)]
        for line in (said.out + said.err).split("\n")
    ]
    assert not [line for line in lines if line.lstrip().startswith("FORGED")]
    assert [line for line in lines if "\\nFORGED" in line]


@pytest.mark.parametrize("character", [chr(code) for code in (*range(32), *range(127, 160))])
def test_each_control_character_is_written_out(character: str) -> None:
    shown = printable(character)
    assert shown == (character if character in "\n\t" else ascii(character)[1:-1])


def test_a_line_of_the_log_is_written_out_too(capsys: pytest.CaptureFixture[str]) -> None:
    Output(Options()).log_line(f"WARNING: {TEXT}\n")
    assert not HARMFUL.search(capsys.readouterr().err)
