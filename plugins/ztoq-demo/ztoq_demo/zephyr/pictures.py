"""Pictures in the demo's texts: at Zephyr, at the Jira site, and in the text itself."""

from __future__ import annotations

from base64 import b64encode

from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.history import png
from ztoq_demo.zephyr.model import Project

RECEIPT = 30_001


def show_pictures(project: Project, zephyr: str, jira: str) -> dict[int, File]:
    """Put pictures into texts, as editors write them; return Jira's files by id.

    ``zephyr`` and ``jira`` are the base URLs by which both are reached.
    """
    guest = next(case for case in project.cases if case.name == "Check out as a guest")
    lamps = next(case for case in project.cases if case.name.startswith("Search finds"))
    cart = guest.files[0]
    own = f"{zephyr}/testcases/{guest.key}/attachments/{cart.id}"
    guest.objective = f"{guest.objective or ''}<p>The cart looks so:</p>{_picture(own)}"
    receipt = File.of(RECEIPT, "receipt.png", png(40, 60, (250, 250, 240)))
    at_jira = f"{jira}/secure/attachment/{receipt.id}/{receipt.name}"
    last = guest.steps[-1]
    last.expected_result = f"{last.expected_result or ''}{_picture(at_jira)}"
    # of another case's file a picture of its own is made
    lamps.precondition = f"{lamps.precondition or ''}<p>A full cart: {_picture(own)}</p>"
    failed = next(run for run in project.executions if run.issues)
    data = b64encode(png(24, 24, (220, 40, 40))).decode()
    failed.comment = f"{failed.comment or ''}{_picture(f'data:image/png;base64,{data}')}"
    return {receipt.id: receipt}


def _picture(src: str) -> str:
    return f'<img src="{src}" style="width:32px" class="fr-fic fr-dib">'
