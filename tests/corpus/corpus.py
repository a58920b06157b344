"""One call makes the whole corpus: the source's file and what must come of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.corpus import pictures, tenant
from tests.corpus.compare import differences
from tests.corpus.executions import Inventor
from tests.corpus.expect import Expected, expectations
from tests.corpus.files import attach
from tests.corpus.invent import History, surroundings
from tests.corpus.pictures import FOLDER, case_texts, log_texts
from tests.corpus.reading import read
from tests.corpus.real import Real, load
from tests.shared import SHARED


@dataclass(kw_only=True)
class Corpus:
    """The cases, their history, and the target that they must become."""

    real: Real
    history: History
    expected: Expected

    def write(self, path: Path) -> None:
        """Write the file that the Zephyr simulator serves (``--corpus``), and the pictures."""
        tenant.write(path, self.real, self.history)
        cases = [*self.real.cases, *self.history.foreign_cases]
        texts = [text for each in cases for text in case_texts(each)]
        texts += [text for each in self.history.executions for text in log_texts(each)]
        pictures.write(path.parent / FOLDER, texts)


def shared_data() -> Path | None:
    """Return the folder of the real cases beside the repository, None where it is not there."""
    folder = SHARED / "data" / "mattermost"
    return folder if folder.is_dir() else None


def corpus(
    data: Path, *, cases: int | None, executions: int, files: int = 300, seed: int = 1
) -> Corpus:
    """Return ``cases`` of the real cases (None: all of them) with an invented history."""
    real = load(data, cases=cases, seed=seed)
    history = surroundings(real, seed)
    history.executions = Inventor(real, history, seed).make(executions)
    attach(real, history, files, seed)
    return Corpus(real=real, history=history, expected=expectations(real, history))


def judge(corpus: Corpus, base_url: str, token: str, project: int) -> list[str]:
    """Read the target over its public API, and return the differences in words."""
    return differences(corpus.expected, asyncio.run(read(base_url, token, project)))
