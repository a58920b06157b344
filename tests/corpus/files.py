"""The files of the corpus, beside every kind of object that can carry one."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.corpus.invent import DEFAULT_STATUS, History
from tests.corpus.real import Json, Real

SHARES = {
    "case": 0.25,
    "step": 0.2,
    "execution": 0.2,
    "result": 0.2,
    "cycle": 0.08,
    "plan": 0.07,
}
NAMES = (
    "screen.png",
    "trace.log",
    "Bericht März.pdf",
    "журнал 日本.txt",
    "data.json",
    "a b+c%20.zip",
)
MAGIC = {
    ".png": b"\x89PNG\r\n\x1a\n",
    ".pdf": b"%PDF-1.7\n",
    ".zip": b"PK\x03\x04",
    ".json": b'{"made": "up"}',
}


def attach(real: Real, history: History, count: int, seed: int) -> None:
    """Add ``count`` files to ``history``.

    Two of one name on one owner, one content under several names, an empty one and one of about a
    megabyte are always among them.
    """
    rng = random.Random(f"{seed}/files")
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(share * count))]
    kinds += ["case"] * (count - len(kinds))
    owners = _owners(real, history, rng)
    same = _content("screen.png", rng, 900)
    for number, kind in enumerate(kinds[:count]):
        owner, part = owners[kind]()
        name = NAMES[number % len(NAMES)]
        size = {3: 0, 7: 1_000_000}.get(number, rng.randrange(20, 4_000))
        content = same if number % 10 == 9 else _content(name, rng, size)
        if number % 12 == 11 and history.files[-1]["owner_kind"] == kind:
            owner, part = history.files[-1]["owner"], history.files[-1]["part"]
            name = history.files[-1]["name"]
        history.files.append(
            {
                "id": 60_000 + number,
                "owner_kind": kind,
                "owner": owner,
                "part": part,
                "name": name,
                "content": content,
            }
        )


def _content(name: str, rng: random.Random, size: int) -> bytes:
    start = MAGIC.get(name[name.rindex(".") :])
    if start is None:
        words = "line of a log — "
        return (words * (size // len(words) + 1)).encode()[:size]
    return (start + rng.randbytes(size))[: max(size, len(start))] if size else b""


def _owners(
    real: Real, history: History, rng: random.Random
) -> dict[str, Callable[[], tuple[str, int | None]]]:
    stepped = [
        (case["key"], index)
        for case in real.cases
        for index, step in enumerate(case["steps"])
        if step["inline"]
    ]
    executed = [each for each in history.executions if each["trait"] != "untouched"]
    results = [
        (each["key"], index)
        for each in executed
        for index, result in enumerate(each["results"])
        if result["status"] != DEFAULT_STATUS
    ]
    drifted = [
        (each["key"], 0) for each in executed if each["trait"] == "drift" and each["results"]
    ]

    def result() -> tuple[str, int | None]:
        return rng.choice(drifted if rng.random() < 0.15 and drifted else results)

    def key(rows: list[Json]) -> Callable[[], tuple[str, int | None]]:
        return lambda: (rng.choice(rows)["key"], None)

    return {
        "case": key(real.cases),
        "step": lambda: rng.choice(stepped),
        "execution": key(executed),
        "result": result,
        "cycle": key(history.cycles),
        "plan": key(history.plans),
    }
