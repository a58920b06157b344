"""Pictures in texts are shown from their files, or named where they are lost."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_mappings.to_qtest import TO_QTEST, Options

from ztoq_core.plugin import (
    FieldValue,
    Folder,
    Image,
    Kind,
    Level,
    Ref,
    Schema,
    TestCase,
    TestCycle,
    TestStep,
    TransformContext,
    Tree,
    image_src,
)

FILE = Ref(Kind.ATTACHMENT, "ACME-T1#i1")
URL = "https://files.example.com/a/shot%201.png?x=1&y=2"
CASE = TestCase(key="ACME-T1", name="Log in", folder=Ref(Kind.FOLDER, "ACME-F1"))
DATA = "data:image/png;base64,iVBORw0KGgo="


def mapped(record: Any) -> Any:
    return TO_QTEST.build(Options(), TransformContext(source=Schema()))(record)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '<img src="https://files.example.com/a/shot%201.png?x=1&amp;y=2" class="fr-fic">',
            '<img src="{}" class="fr-fic">',
        ),
        (
            "<IMG alt='a>b' SRC='https://files.example.com/a/shot%201.png?x=1&y=2'/>",
            "<IMG alt='a>b' SRC=\"{}\"/>",
        ),
        ("<img src=https://files.example.com/a/shot%201.png?x=1&y=2>", '<img src="{}">'),
    ],
)
def test_the_address_alone_is_changed(before: str, after: str) -> None:
    around = "<p>a&nbsp;b <img src='other.png'>{}</p>"
    image = Image(src=URL, file=FILE)
    case = mapped(attrs.evolve(CASE, description=around.format(before), images=(image,)))
    assert case.description == around.format(after.format(FILE.address))
    assert case.text_refs == (FILE,)
    assert case.notes == ()


def test_pictures_stand_in_all_texts_and_kinds() -> None:
    html = f"<img src='{URL}'>"
    shown = f'<img src="{FILE.address}">'
    image = Image(src=URL, file=FILE)
    case = mapped(
        attrs.evolve(
            CASE,
            steps=(TestStep(key="1", expected=html),),
            fields=(FieldValue(name="Notes", value=html),),
            images=(image,),
        )
    )
    assert case.steps[0].expected == shown
    assert case.fields[0].value == shown
    cycle = mapped(TestCycle(key="ACME-R1", name="One", description=html, images=(image,)))
    assert cycle.fields[0].value == shown
    assert cycle.text_refs == (FILE,)


def test_a_data_uri_is_known_by_its_digest() -> None:
    image = Image(src=image_src(DATA), file=FILE)
    case = mapped(attrs.evolve(CASE, description=f"<img src='{DATA}'>", images=(image,)))
    assert case.description == f'<img src="{FILE.address}">'
    lost = mapped(
        attrs.evolve(
            CASE, description=f"<img src='{DATA}'>", images=(attrs.evolve(image, lost="too big"),)
        )
    )
    assert lost.description == ("<span>[Picture not migrated: in the text itself]</span>")


@pytest.mark.parametrize(
    ("src", "name"),
    [
        (URL, "shot 1.png"),
        ("https://files.example.com", "without a name"),
        ("http://[bad/x.png", "x.png"),
    ],
)
def test_a_lost_picture_is_named_with_its_address_and_the_reason(src: str, name: str) -> None:
    image = Image(src=src, file=FILE, lost="answered 403 <denied>")
    html = f"<p><img src='{src}'><img src='{src}'></p>"
    case = mapped(attrs.evolve(CASE, description=html, images=(image,)))
    address = src.replace("&", "&amp;")
    words = f"[Picture not migrated: {name} {address}]"
    assert case.description == f"<p><span>{words}</span><span>{words}</span></p>"
    assert case.text_refs == ()
    (note,) = case.notes
    assert (note.level, note.code) == (Level.FALLBACK, "image-lost")


def test_what_an_earlier_transformer_brings_is_mapped_too() -> None:
    folder = Folder(key="ACME-F-x", name="two\nlines", tree=Tree.CASES)
    case = mapped(attrs.evolve(CASE, companions=(folder,)))
    assert [each.name for each in case.companions] == ["two lines"]
