"""Texts and people are replaced; what they belong to, and how they look, is not."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from ztoq_mappings.mask import MASK, Files, Keep, Options
from ztoq_mappings.mask.words import Words

from ztoq_core.plugin import (
    Attachment,
    Call,
    FieldDefinition,
    FieldSpec,
    FieldType,
    FieldValue,
    Folder,
    Image,
    Kind,
    Link,
    LinkType,
    Parameter,
    Record,
    Ref,
    Requirement,
    Schema,
    Script,
    Secret,
    Skip,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    TransformContext,
    Tree,
    User,
    image_src,
)

ADA = User(id="557058:ada", name="Ada Lovelace", email="ada@acme.example")
CASE = TestCase(key="ACME-T1", name="Secret", path=("Secret",), folder=Ref(Kind.FOLDER, "ACME-F1"))
RUN = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/")
WORD = re.compile("secret|lovelace|acme.example", re.IGNORECASE)


def masked(record: Record, seed: str = "s", **options: Any) -> Any:
    fields = (FieldSpec(kind=Kind.TEST_CASE, name="Reviewer", type=FieldType.USER),)
    context = TransformContext(
        source=Schema(fields=fields, users=(ADA,)), source_config=SimpleNamespace(project="ACME")
    )
    return MASK.build(Options(seed=Secret(seed), **options), context)(record)


def words() -> Words:
    return Words("s", ("ACME",), (ADA,))


# ------------------------------------------------------------------------------------------ words


def test_the_same_word_becomes_the_same_one_under_the_same_seed() -> None:
    one, two = masked(CASE), masked(attrs.evolve(CASE, name="a secret, SECRET"))
    _, small, big = two.name.split(" ")
    assert small == f"{one.name.lower()},"
    assert big == one.name.upper()
    assert masked(CASE, seed="another").name != one.name
    assert masked(CASE) == one


@pytest.mark.parametrize(
    "text",
    [
        "Log in!",
        "Zürich 42",
        "Ада",
        "אבג",
        "ΑΒΓ",
        "عربي",
        "中文 日本 カナ ひらがな 한국",
        "x" * 100,
        "½ ²",
    ],
)
def test_form_and_script_stay(text: str) -> None:
    after = words().text(text)
    assert [letter.isalpha() for letter in after] == [letter.isalpha() for letter in text]
    assert [letter.isupper() for letter in after] == [letter.isupper() for letter in text]
    assert [letter > "\u024f" for letter in after if letter.isalpha()] == [
        letter > "\u024f" for letter in text if letter.isalpha()
    ]


def test_keys_of_the_project_stay() -> None:
    assert words().text("ACME-T12") == "ACME-T12"
    assert "ACME-T12" not in words().text("XACME-T12 ACME-T12x")
    assert Words("s", (), ()).text("ACME-T12") != "ACME-T12"


def test_a_person_has_one_pseudonym_whatever_the_name() -> None:
    alias = words().person("557058:ada")
    assert re.fullmatch("person-[0-9a-f]{8}", alias)
    assert words().person("Ada Lovelace") == alias
    assert words().person(" ADA@acme.example") == f"{alias}@example.com"
    assert words().text("ask ada@acme.example").endswith(f" {alias}@example.com")
    assert words().person("557058:bob") not in {alias, "557058:bob"}
    assert words().person(" ") == " "


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://acme.example/secret/a?b=c#d", r"https://h\w{8}\.example/\w{6}/\w\?\w=\w#\w"),
        ("http://acme.example:8080", r"http://h\w{8}\.example:8080"),
        ("https://ada:secret@acme.example/", r"https://h\w{8}\.example/"),
        ("https://acme.example/%C3%A4%20b", r"https://h\w{8}\.example/\w%20\w"),
        ("https://acme.example/x/ACME-T1", r"https://h\w{8}\.example/\w/ACME-T1"),
        ("/secret", r"/\w{6}"),
        ("http://[secret", r"\w{4}://\[\w{6}"),
        ("secret:it", r"\w{6}:\w\w"),
        ("mailto:ada@acme.example?subject=secret", r"mailto:person-\w{8}@example\.com"),
        ("ztoq:test_case/ACME-T1", "ztoq:test_case/ACME-T1"),
        ("data:image/png;base64,AAAA", "data:image/png;base64,AAAA"),
        ("", ""),
        ("http://x/" * 2000, r"http://h\w{8}\.example/.*"),
    ],
)
def test_an_address_keeps_its_form_only(url: str, form: str) -> None:
    after = words().address(url)
    assert re.fullmatch(form, after)
    assert not WORD.search(after)
    assert words().address(url) == after


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Secret plan.pdf", r"\w{6} \w{4}\.pdf"),
        ("secret.tar.gz", r"\w{6}\.\w{3}\.gz"),
        ("secret", r"\w{6}"),
        (".secret", r"\.\w{6}"),
        ("a.secretive", r"\w\.\w{9}"),
    ],
)
def test_a_file_keeps_its_extension(name: str, form: str) -> None:
    after = masked(Attachment(key="ACME-T1#1", name=name, owner=CASE.ref), files=Files.KEEP).name
    assert re.fullmatch(form, after)
    assert not WORD.search(after)


# ------------------------------------------------------------------------------------------- HTML


@pytest.mark.parametrize(
    ("before", "form"),
    [
        (
            '<p class="fr-fic" title="secret">secret</p>',
            r'<p class="fr-fic" title="\w{6}">\w{6}</p>',
        ),
        ("<a href='https://acme.example'>x</a>", r'<a href="https://h\w{8}\.example">\w</a>'),
        ('<b style="color:red">a</b>', r'<b style="color:red">\w</b>'),
        (
            '<b style="background:url(https://acme.example/a)">a</b>',
            r'<b style="background:none">\w</b>',
        ),
        ("<p data-x=secret secret=1 hidden>a", r'<p data-x="\w{6}" x-\w{6}="\d" x-\w{6}>\w'),
        ("Ada <ada@acme.example>", r"\w{3} <x-person-\w{8}-example-com>"),
        ("<secret>a</secret>", r"<x-(\w{6})>\w</x-\1>"),
        ("<!-- secret -->", r"<!-- \w{6} -->"),
        ("K&ouml;ln&nbsp;&lt;b&gt; &amp; AT&T", r"\w{4}\u00a0&lt;\w&gt; &amp; \w\w&amp;\w"),
        ("<input type=checkbox checked>", "<input type=checkbox checked>"),
    ],
)
def test_html_keeps_its_elements(before: str, form: str) -> None:
    after = masked(attrs.evolve(CASE, description=before)).description
    assert re.fullmatch(form, after)
    assert not WORD.search(after)


# ---------------------------------------------------------------------------------------- records


def records() -> list[Record]:
    link = Link(
        type=LinkType.WEB, url="https://acme.example/secret", text="secret", issue_key="ACME-7"
    )
    step = TestStep(
        key="1",
        description="secret",
        data="secret",
        expected="secret",
        call=Call(case=CASE.ref, parameters=(Parameter(name="secret", value="secret"),)),
        fields=(FieldValue(name="f", value="secret"),),
    )
    fields = (
        FieldValue(name="Reviewer", value="Ada Lovelace"),
        FieldValue(name="Choice", value="secret", type=FieldType.CHOICE, alternatives=("Secret",)),
        FieldValue(name="Many", value=("secret", "Secret")),
        FieldValue(name="Wiki", value="https://acme.example/", type=FieldType.URL),
        FieldValue(name="Notes", value="<p>secret</p>"),
        FieldValue(name="Rich", value="secret & more", type=FieldType.RICH_TEXT),
        FieldValue(name="Due", value="secret", type=FieldType.DATE),
        FieldValue(name="Due", value="00:secret", type=FieldType.DATETIME),
    )
    case = attrs.evolve(
        CASE,
        description="secret",
        precondition="secret",
        steps=(step, TestStep(key="2")),
        labels=("secret",),
        component="secret",
        owner="Ada Lovelace",
        fields=fields,
        links=(link,),
        companions=(Folder(key="ACME-F-x", name="Secret", tree=Tree.CASES, path=("secret",)),),
    )
    result = StepResult(
        key="1", status="Pass", description="secret", actual="secret", links=(link,)
    )
    return [
        case,
        attrs.evolve(CASE, script=Script(language="bdd", text="Given secret")),
        attrs.evolve(CASE, script=Script(language="plain", text="<b>secret</b>")),
        Folder(key="ACME-F1", name="secret", tree=Tree.CASES, description="secret"),
        Requirement(key="ACME-7", name="secret", issue_key="ACME-7", description="secret"),
        TestPlan(key="ACME-P1", name="secret", labels=("secret",), owner="Ada Lovelace"),
        TestCycle(key="ACME-R1", name="secret", version="secret", owner="Ada Lovelace"),
        TestRun(
            key=RUN.key, case=CASE.ref, name="secret", environment="secret", assigned_to=ADA.email
        ),
        TestLog(
            key="ACME-E1",
            run=RUN,
            case=CASE.ref,
            status="Pass",
            comment="secret",
            executed_by="Ada Lovelace",
            assigned_to=ADA.email,
            environment="secret",
            version="secret",
            results=(result,),
        ),
        Attachment(key="ACME-T1#1", name="secret.png", owner=CASE.ref),
    ]


@pytest.mark.parametrize("record", records(), ids=lambda record: record.kind)
def test_no_word_is_left_in_a_record_and_no_key_is_changed(record: Record) -> None:
    after = masked(record, files=Files.KEEP)
    assert WORD.search(repr(record))
    assert not WORD.search(repr(after))
    assert WORD.search(repr(after.companions)) is None
    assert after.ref == record.ref
    assert after.parents() == record.parents()
    assert after.soft_dependencies() == record.soft_dependencies()
    assert [link.issue_key for link in after.links] == [link.issue_key for link in record.links]


def test_what_is_no_text_stays() -> None:
    fields = (
        FieldValue(name="n", value=7),
        FieldValue(name="b", value=True),
        FieldValue(name="d", value="2026-11-25", type=FieldType.DATE),
        FieldValue(name="none", value=None),
    )
    case = attrs.evolve(CASE, status="Approved", priority="High", fields=fields)
    after = masked(case)
    assert after.fields == fields
    assert (after.status, after.priority) == ("Approved", "High")
    field = FieldDefinition(
        key="test_case/Browser", of=Kind.TEST_CASE, name="Browser", type=FieldType.TEXT
    )
    assert masked(field) is field
    odd = FieldValue(name="d", value="2026-99-99", type=FieldType.DATE)
    assert masked(attrs.evolve(CASE, fields=(odd,))).fields != (odd,)


def test_what_the_config_names_is_kept() -> None:
    for record in records():
        after = masked(record, keep=tuple(Keep), files=Files.KEEP)
        for name in ("labels", "component", "version", "environment", "path"):
            assert getattr(after, name, None) == getattr(record, name, None)
    folder = Folder(key="ACME-F1", name="Shop", tree=Tree.CASES)
    assert masked(folder, keep=(Keep.FOLDERS,)) == folder
    choice = FieldValue(name="c", value="secret", type=FieldType.CHOICE)
    case = attrs.evolve(CASE, fields=(choice,))
    assert masked(case, keep=(Keep.CHOICES,)).fields == (choice,)


# ------------------------------------------------------------------------------------------ files


def test_files_are_left_out_and_pictures_with_them() -> None:
    with pytest.raises(Skip, match="files are left out") as caught:
        masked(Attachment(key="ACME-T1#1", name="x", owner=CASE.ref))
    assert not caught.value.loss
    html = "<p><img src='data:image/png;base64,AAAA'></p>"
    images = (Image(src=image_src("data:image/png;base64,AAAA"), file=Ref(Kind.ATTACHMENT, "x")),)
    after = masked(attrs.evolve(CASE, description=html, images=images))
    assert after.description == "<p><span>[Picture]</span></p>"
    assert after.images == ()


def test_kept_pictures_are_still_known_by_their_addresses() -> None:
    url, data = "https://acme.example/secret.png", "data:image/png;base64,AAAA"
    file = Ref(Kind.ATTACHMENT, "ACME-T1#i1")
    images = (
        Image(src=url, file=file, lost="acme.example answered 403"),
        Image(src=image_src(data), file=file),
    )
    html = f"<img src='{url}'><img src='{data}'>"
    after = masked(attrs.evolve(CASE, description=html, images=images), files=Files.KEEP)
    found = re.findall("src=[\"']([^\"']*)", after.description)
    assert [image.src for image in after.images] == [image_src(src) for src in found]
    assert found[1] == data
    assert not WORD.search(repr(after))


def test_the_check_says_that_contents_are_not_masked() -> None:
    seed = Secret("s")
    assert MASK.check(Options(seed=seed), Schema(), Schema()) == ()
    (finding,) = MASK.check(Options(seed=seed, files=Files.KEEP), Schema(), Schema())
    assert finding.level == "warning"
