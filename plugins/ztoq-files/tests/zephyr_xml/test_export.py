"""Zephyr Scale's XML export is read as a whole, or refused with the line that is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ztoq_files.zephyr_xml import ZephyrXmlConfig, open_source
from ztoq_testkit import SourceContract, lent

from tests.file_projects import read_project
from ztoq_core.plugin import (
    Attachment,
    ConfigError,
    FieldSpec,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Record,
    Ref,
    RejectedError,
    Script,
    Source,
    TestCase,
    TestStep,
    Tree,
)

EXPORT = """\
<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<project>
    <projectId>10116</projectId>
    <projectKey>ACME</projectKey>
    <exportDate>2025-08-13 17:49:20 UTC</exportDate>
    <folders>
        <folder fullPath="Shop" index="6"/>
        <folder fullPath="Shop/Basket" index="7"/>
        <folder fullPath="Empty" index="8"/>
    </folders>
    <testCases>
        <testCase id="246837096" key="ACME-T1">
            <attachments><attachment><name>basket.png</name></attachment></attachments>
            <confluencePageLinks/>
            <createdBy>quinn</createdBy>
            <createdOn>2025-07-07 16:14:56 UTC</createdOn>
            <customFields>
                <customField name="Browser" type="SINGLE_CHOICE_SELECT_LIST">
                    <value><![CDATA[Firefox]]></value>
                </customField>
                <customField name="Risks" type="MULTI_CHOICE_SELECT_LIST">
                    <value><![CDATA[a]]></value><value><![CDATA[b]]></value>
                </customField>
                <customField name="Automated" type="CHECKBOX"><value>false</value></customField>
                <customField name="Points" type="NUMBER"><value>5</value></customField>
                <customField name="Odd" type="WHATEVER"><value>5</value></customField>
                <customField name="Nothing" type="SINGLE_LINE_TEXT"><value></value></customField>
            </customFields>
            <estimatedTime>90000</estimatedTime>
            <folder><![CDATA[Shop/Basket]]></folder>
            <issues><issue><key>ACME-9</key><summary><![CDATA[Pay & go]]></summary></issue></issues>
            <labels><label><![CDATA[smoke]]></label><label><![CDATA[night]]></label></labels>
            <name><![CDATA[Add to the basket]]></name>
            <objective><![CDATA[One<br>two &amp; three]]></objective>
            <owner>712020:ebd03abd</owner>
            <precondition><![CDATA[A shop]]></precondition>
            <priority><![CDATA[Normal]]></priority>
            <status><![CDATA[Approved]]></status>
            <parameters><parameter><name>user</name></parameter></parameters>
            <testDataWrapper/>
            <testScript type="steps">
                <steps>
                    <step index="0">
                        <customFields/>
                        <description><![CDATA[Open]]></description>
                        <expectedResult><![CDATA[It opens]]></expectedResult>
                        <testData><![CDATA[{user}]]></testData>
                    </step>
                    <step index="1"><description><![CDATA[Close]]></description></step>
                </steps>
            </testScript>
        </testCase>
        <testCase id="2" key="ACME-T2">
            <name>Plain</name>
            <testScript type="plain"><details><![CDATA[Just<br>do it]]></details></testScript>
        </testCase>
        <testCase id="3" key="ACME-T3">
            <folder>Other</folder>
            <name>Gherkin</name>
            <testScript type="bdd"><details>Given a basket</details></testScript>
        </testCase>
        <testCase id="4" key="ACME-T4"><name>Empty</name></testCase>
    </testCases>
</project>
"""


def folder(path: str, order: int = 0) -> Folder:
    above, _, name = path.rpartition("/")
    parent = Ref(Kind.FOLDER, above) if above else None
    return Folder(key=path, name=name, tree=Tree.CASES, parent=parent, order=order)


FIRST = TestCase(
    key="ACME-T1",
    name="Add to the basket",
    description="One<br>two &amp; three",
    precondition="A shop",
    status="Approved",
    priority="Normal",
    owner="712020:ebd03abd",
    labels=("smoke", "night"),
    folder=Ref(Kind.FOLDER, "/Shop/Basket"),
    created=datetime(2025, 7, 7, 16, 14, 56, tzinfo=UTC),
    estimated=90.0,
    links=(Link(type=LinkType.COVERAGE, issue_key="ACME-9", text="Pay & go"),),
    fields=(
        FieldValue(name="Browser", value="Firefox", type=FieldType.CHOICE),
        FieldValue(name="Risks", value=("a", "b"), type=FieldType.MULTI_CHOICE),
        FieldValue(name="Automated", value=False, type=FieldType.CHECKBOX),
        FieldValue(name="Points", value=5, type=FieldType.NUMBER),
        FieldValue(name="Odd", value="5"),
    ),
    steps=(
        TestStep(key="1", description="Open", data="{user}", expected="It opens"),
        TestStep(key="2", description="Close"),
    ),
)
OTHERS = (
    TestCase(key="ACME-T2", name="Plain", script=Script(language="plain", text="Just<br>do it")),
    TestCase(
        key="ACME-T3",
        name="Gherkin",
        folder=Ref(Kind.FOLDER, "/Other"),
        script=Script(language="bdd", text="Given a basket"),
    ),
    TestCase(key="ACME-T4", name="Empty"),
)


@pytest.fixture
def export(tmp_path: Path) -> ZephyrXmlConfig:
    """An export with its files beside."""
    path = tmp_path / "acme.xml"
    path.write_text(EXPORT, "utf-8")
    (tmp_path / "files" / "ACME-T1").mkdir(parents=True)
    (tmp_path / "files" / "ACME-T1" / "basket.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return ZephyrXmlConfig(path=path, files=tmp_path / "files")


class TestZephyrXml(SourceContract):
    @pytest.fixture
    async def source(
        self, export: ZephyrXmlConfig, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Source]:
        monkeypatch.setattr("ztoq_files.whole_file.PAGE", 2)
        async with open_source(export, lent()) as source:
            yield source

    @pytest.fixture
    def contents(self) -> Mapping[str, bytes]:
        return {"ACME-T1#1": b"\x89PNG\r\n\x1a\n"}


async def read(config: ZephyrXmlConfig) -> list[Record]:
    async with open_source(config, lent()) as source:
        return list((await read_project(source)).values())


async def test_an_export_is_read(export: ZephyrXmlConfig) -> None:
    *folders, first, second, third, fourth, file = await read(export)

    assert folders == [
        folder("/Shop", 6),
        folder("/Shop/Basket", 7),
        folder("/Empty", 8),
        folder("/Other"),
    ]
    assert attrs.evolve(first, notes=()) == FIRST
    assert (second, third, fourth) == OTHERS
    assert file == Attachment(
        key="ACME-T1#1", name="basket.png", owner=FIRST.ref, locator="ACME-T1/basket.png"
    )


async def test_what_is_not_read_is_noted(export: ZephyrXmlConfig) -> None:
    records = await read(attrs.evolve(export, files=None))
    noted = {each.key: [(note.code, note.text) for note in each.notes] for each in records}

    assert {key: notes for key, notes in noted.items() if notes} == {
        "ACME-T1": [
            ("file-not-in-export", "the export names files and does not hold them: basket.png"),
            ("element-not-read", "not read from the export: <createdBy>, <parameters>"),
        ]
    }
    assert not [each for each in records if isinstance(each, Attachment)]


async def test_the_types_of_fields_are_declared(export: ZephyrXmlConfig) -> None:
    async with open_source(export, lent()) as source:
        schema = await source.describe()
    assert FieldSpec(kind=Kind.TEST_CASE, name="Points", type=FieldType.NUMBER) in schema.fields


WORDS = st.text(st.sampled_from("aZ09 é漢😀<>&;'\"[]\n"), max_size=20)
TEXT_OF = {
    "objective": "description",
    "precondition": "precondition",
    "status": "status",
    "priority": "priority",
    "component": "component",
    "owner": "owner",
}
STEP_OF = {"description": "description", "testData": "data", "expectedResult": "expected"}
UNKNOWN = ("createdBy", "updatedOn", "parameters", "testDataWrapper", "whatever")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.dictionaries(st.sampled_from([*TEXT_OF, *UNKNOWN]), WORDS),
    steps=st.lists(st.dictionaries(st.sampled_from([*STEP_OF, *UNKNOWN]), WORDS), max_size=3),
)
async def test_whatever_an_export_says_is_read_or_noted(
    tmp_path: Path, texts: dict[str, str], steps: list[dict[str, str]]
) -> None:
    def elements(values: dict[str, str]) -> str:
        return "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in values.items())

    inner = "".join(f"<step>{elements(step)}</step>" for step in steps)
    path = tmp_path / "acme.xml"
    path.write_text(
        f'<project><testCases><testCase key="A"><name>x</name>{elements(texts)}'
        f'<testScript type="steps"><steps>{inner}</steps></testScript>'
        "</testCase></testCases></project>",
        "utf-8",
    )

    (case,) = await read(ZephyrXmlConfig(path=path))

    assert isinstance(case, TestCase)
    said = " ".join(note.text for note in case.notes)
    for tag, text in texts.items():
        held = getattr(case, TEXT_OF[tag]) if tag in TEXT_OF else None
        assert held == text.strip() or (held is None and (not text.strip() or f"<{tag}>" in said))
    assert len(case.steps) == len(steps)
    for step, values in zip(case.steps, steps, strict=True):
        for tag, text in values.items():
            held = getattr(step, STEP_OF[tag]) if tag in STEP_OF else None
            assert held == text.strip() or (
                held is None and (not text.strip() or f"<{tag}>" in said)
            )


MALFORMED = {
    "not XML": ("</labels>", "</label>", "line 32: it is not XML (mismatched tag)"),
    "cut": (EXPORT[2000:], "", "it is not XML (no element found)"),
    "another file": (
        "testCases>",
        "tests>",
        "it is not an export of test cases from Zephyr Scale: <project> with <testCases>",
    ),
    "no key": (' key="ACME-T2"', "", "line 53: <testCase>: a test case has no 'key'"),
    "no name": ("<name>Plain</name>", "<name/>", "line 53: <testCase>: ACME-T2 has no <name>"),
    "twice": ("ACME-T3", "ACME-T2", "line 57: <testCase>: the key 'ACME-T2' is there twice"),
    "no path": (' fullPath="Empty"', "", "line 9: <folder>: a folder has no 'fullPath'"),
    "index": ('"8"', '"x"', "line 9: <folder>: 'index' is 'x', expected a number"),
    "time": (
        "2025-07-07 16:14:56 UTC",
        "yesterday",
        "line 16: <createdOn>: is 'yesterday', expected a time like 2025-07-07 16:14:56 UTC",
    ),
    "estimate": ("90000", "long", "line 29: <estimatedTime>: is 'long', expected milliseconds"),
    "box": (
        "<value>false<",
        "<value>no<",
        "line 24: <customField>: is 'no', expected true or false",
    ),
    "number": (
        'NUMBER"><value>5',
        'NUMBER"><value>five',
        "line 25: <customField>: is 'five', expected a number",
    ),
    "field": ('"Odd"', '" "', "line 26: <customField>: a custom field has no 'name'"),
    "field twice": ('"Odd"', '"Points"', "line 26: <customField>: the custom field 'Points' is"),
    "issue": ("<key>ACME-9</key>", "", "line 31: <issue>: an issue has no <key>"),
    "script": (
        'type="bdd"',
        'type="robot"',
        "line 60: <testScript>: the test script is of the unknown type 'robot'",
    ),
    "deep": (
        "<labels>",
        "<labels>" + "<a>" * 60 + "</a>" * 60,
        "line 32: elements nest too deep",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_export_is_refused_as_a_whole(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "acme.xml"
    changed = EXPORT.replace(old, new)
    assert changed != EXPORT
    path.write_text(changed, "utf-8")
    async with open_source(ZephyrXmlConfig(path=path), lent()) as source:
        for look in (source.check, lambda: source.fetch(Kind.FOLDER, None)):
            with pytest.raises(ConfigError) as caught:
                await look()
            assert str(caught.value).startswith(f"{path}: ")
            assert message in str(caught.value)


HOSTILE = {
    "laughs": '<!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    "a file from outside": '<!DOCTYPE p [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
    "parameters": '<!DOCTYPE p [<!ENTITY % b SYSTEM "http://127.0.0.1:9/x">%b;]>',
}


@pytest.mark.parametrize("declared", HOSTILE.values(), ids=HOSTILE)
async def test_an_export_that_declares_entities_is_refused(tmp_path: Path, declared: str) -> None:
    path = tmp_path / "acme.xml"
    head, _, rest = EXPORT.partition("\n")
    path.write_text(f"{head}\n{declared}\n{rest}".replace("A shop", "&b;"), "utf-8")
    with pytest.raises(ConfigError, match="it declares entities of XML"):
        await read(ZephyrXmlConfig(path=path))


async def test_an_export_that_would_fill_the_memory_is_refused(
    export: ZephyrXmlConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ztoq_files.zephyr_xml.elements.MOST_BYTES", 100)
    with pytest.raises(ConfigError, match="a file of more than 100 bytes is not read"):
        await read(export)


async def test_an_export_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        await read(ZephyrXmlConfig(path=tmp_path / "no.xml"))


@pytest.mark.parametrize("name", ["../../secret.txt", "/etc/passwd", "a\\..\\b", "link.txt"])
async def test_the_name_of_a_file_never_leads_out_of_the_folder(
    export: ZephyrXmlConfig, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "files" / "ACME-T1" / "link.txt").symlink_to(tmp_path / "secret.txt")
    export.path.write_text(EXPORT.replace("basket.png", name), "utf-8")
    async with open_source(export, lent()) as source:
        file = (await read_project(source))[Ref(Kind.ATTACHMENT, "ACME-T1#1")]
        assert isinstance(file, Attachment)
        with pytest.raises(RejectedError, match=r"leads out of|there is no file|not a path"):
            await anext(aiter(source.download(file)))
