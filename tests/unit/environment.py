"""An environment with made-up distributions, for tests of how plugins are found and checked."""

from __future__ import annotations

from importlib.metadata import EntryPoint, distribution
from pathlib import Path

import attrs
import pytest


@attrs.define
class Environment:
    """An environment with made-up distributions installed."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    entries: list[EntryPoint] = attrs.field(factory=list)

    def install(
        self, package: str, module: str, text: str, *names: str, requires: str = "ztoq-core>=0.1"
    ) -> None:
        """Install a distribution with one module; ``names`` are its entry points."""
        (self.folder / f"{module}.py").write_text(text)
        info = self.folder / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\nRequires-Dist: {requires}\n"
        )
        lines = "".join(f"{name} = {module}\n" for name in names)
        (info / "entry_points.txt").write_text(f"[ztoq]\n{lines}")
        self.entries.extend(distribution(package).entry_points)

        def only_these(group: str) -> list[EntryPoint]:
            return [each for each in self.entries if each.group == group]

        self.monkeypatch.setattr("ztoq_core.plugins.entry_points", only_these)

    def plugin(self, package: str, module: str, body: str, *names: str) -> None:
        self.install(
            package,
            module,
            "import attrs\n"
            "from contextlib import asynccontextmanager\n"
            "from ztoq_core.plugin import SourcePlugin, SinkPlugin, TransformerPlugin, hookimpl\n"
            "@attrs.frozen\n"
            "class C: pass\n"
            "@asynccontextmanager\n"
            "async def opens(config, services): yield None\n"
            "def build(config, context): return lambda record: record\n"
            "def source(n): return SourcePlugin(name=n, summary='', config=C, open=opens)\n"
            "def sink(n): return SinkPlugin(name=n, summary='', config=C, open=opens)\n"
            "def mapping(n, *p):\n"
            "    return TransformerPlugin(\n"
            "        name=n, summary='', config=C, build=build, default_for=p)\n"
            f"{body}\n",
            *names,
        )

    def source(self, package: str, module: str, name: str) -> None:
        body = f"@hookimpl\ndef ztoq_sources(): return [source({name!r})]"
        self.plugin(package, module, body, name)
