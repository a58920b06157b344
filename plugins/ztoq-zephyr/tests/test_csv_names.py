"""CSV files name what Jira would; what cannot be used is told with file and line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ztoq_zephyr.config import JiraConfig
from ztoq_zephyr.csv_names import read_csv_names

from ztoq_core.plugin import ConfigError, IdKind, ResolvedName


def test_each_file_has_its_columns(tmp_path: Path) -> None:
    files = {
        "issues": "id,key,summary,url\n10010,ACME-1,Baskets,https://acme.example.com/browse/ACME-1\n",
        "users": "id,name,email,active\n5b1,Anna,anna@example.com,true\n5b2,Ben,,no\n",
        "components": "id,name\n77,Shop\n",
        "versions": "id,name,start,end\n88,1.4,2024-03-01,2024-03-31\n89,1.5,,\n",
    }
    for name, content in files.items():
        (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
    paths: dict[str, Any] = {name: tmp_path / f"{name}.csv" for name in files}
    config = JiraConfig(**paths)

    found = read_csv_names(config)

    assert found == {
        IdKind.ISSUE: {
            "10010": ResolvedName(
                topic=IdKind.ISSUE,
                id="10010",
                key="ACME-1",
                name="Baskets",
                url="https://acme.example.com/browse/ACME-1",
            )
        },
        IdKind.PERSON: {
            "5b1": ResolvedName(
                topic=IdKind.PERSON, id="5b1", name="Anna", email="anna@example.com"
            ),
            "5b2": ResolvedName(topic=IdKind.PERSON, id="5b2", name="Ben", active=False),
        },
        IdKind.COMPONENT: {"77": ResolvedName(topic=IdKind.COMPONENT, id="77", name="Shop")},
        IdKind.VERSION: {
            "88": ResolvedName(
                topic=IdKind.VERSION,
                id="88",
                name="1.4",
                start=datetime(2024, 3, 1, tzinfo=UTC),
                end=datetime(2024, 3, 31, tzinfo=UTC),
            ),
            "89": ResolvedName(topic=IdKind.VERSION, id="89", name="1.5"),
        },
    }


def issues(tmp_path: Path, content: str) -> dict[str, ResolvedName]:
    path = tmp_path / "issues.csv"
    path.write_bytes(content.encode())
    return read_csv_names(JiraConfig(issues=path))[IdKind.ISSUE]


@pytest.mark.parametrize(
    "content",
    [
        "id,key\n1,A-1\n2,A-2\n",
        "Key , ID\r\nA-1,1\r\n\r\n A-2 ,2\r\n",
        "\ufeffid;KEY\n1;A-1\n2;A-2\n",
        'id,key,summary\n1,A-1,"One, or\ntwo"\n2,A-2,\n1,A-1,"One, or\ntwo"\n',
    ],
)
def test_files_as_spreadsheets_write_them(tmp_path: Path, content: str) -> None:
    assert {id_: each.key for id_, each in issues(tmp_path, content).items()} == {
        "1": "A-1",
        "2": "A-2",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", r"line 1: the column 'id' is missing; .* id,key,summary,url"),
        ("id\n1\n", "line 1: the column 'key' is missing"),
        ("id,key,summ\n", r"line 1: unknown column 'summ' \(did you mean 'summary'\?\)"),
        ("id,key,!\n", r"line 1: unknown column '!' \(known: id, key, summary, url\)"),
        ("id,key,ID\n", "line 1: the column 'id' appears twice"),
        ("id,key\n1,A-1\n2\n", r"line 3: 1 values for 2 columns \(id, key\)"),
        ('id,key,summary\n1,A-1,"a\nb"\n2,A-2,x,y\n', "line 4: 4 values for 3 columns"),
        ("id,key\n,A-1\n", "line 2: id is empty"),
        ("id,key\n1,\n", "line 2: key is empty"),
        ("id,key\n1,A-1\n1,A-2\n", "line 3: the id '1' is in two different lines"),
        ('id,key\n1,A-1\n2,"A-2" x\n', "line 3: .*expected after"),
        ('id,key\n1,"A-1\n', "line [23]: unexpected end of data"),
    ],
)
def test_a_bad_line_is_told(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"issues\.csv: {said}"):
        issues(tmp_path, content)


@pytest.mark.parametrize(
    ("key", "content", "said"),
    [
        ("users", "id,name,active\n1,A,maybe\n", "line 2: active is 'maybe'; expected true"),
        ("versions", "id,name,end\n1,A,31.3.\n", r"line 2: end is '31.3.'; expected a date"),
        ("versions", "id,name,start\n1,A,x\n", "line 2: start is 'x'"),
    ],
)
def test_a_bad_value_is_told(tmp_path: Path, key: str, content: str, said: str) -> None:
    path = tmp_path / f"{key}.csv"
    path.write_text(content, encoding="utf-8")
    named: dict[str, Any] = {key: path}
    with pytest.raises(ConfigError, match=rf"{key}\.csv: {said}"):
        read_csv_names(JiraConfig(**named))


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "issues.csv"
    path.write_bytes(b"id,key\n1,\xff\n")
    with pytest.raises(ConfigError, match=r"cannot read .*issues\.csv.* not UTF-8"):
        read_csv_names(JiraConfig(issues=path))
