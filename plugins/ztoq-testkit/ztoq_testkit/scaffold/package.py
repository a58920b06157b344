"""The files of a new plugin's package, made from templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

import attrs

from ztoq_core.errors import ConfigError

KINDS = ("source", "sink", "transformer")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
TEN = range(1, 11)
_TEMPLATES = files("ztoq_testkit.scaffold") / "templates"
_PLACES = {
    "ci.yml": ".github/workflows/ci.yml",
    "test_cases.py": "tests/test_cases.py",
    "test_contract.py": "tests/test_contract.py",
    "conftest.py": "tests/conftest.py",
}
"""Where templates go that are neither modules of the package nor beside ``pyproject.toml``."""
_BESIDE = (".toml", ".md")
_ENDING = ".tmpl"
_LOST = (
    *("folder.description", "folder.order", "test_case.component", "test_case.created"),
    *("test_case.estimated", "test_case.field", "test_case.label", "test_case.link"),
    *("test_case.owner", "test_case.priority", "test_case.requirements", "test_case.script"),
    "test_case.status",
)


@attrs.frozen(kw_only=True)
class NewPlugin:
    """A plugin that is to be written; ``kind`` is one of ``KINDS``, ``http``: it speaks HTTP."""

    kind: str
    name: str
    http: bool = False

    @property
    def module(self) -> str:
        """The name of its Python package, after ``ztoq_``."""
        return self.name.replace("-", "_")

    def write(self, folder: Path) -> list[Path]:
        """Write the package into a folder that does not exist yet; return its files.

        Raises:
            ConfigError: The name or the folder cannot be used.
        """
        if not NAME.fullmatch(self.name):
            raise ConfigError(
                f"{self.name!r} is no name for a plugin: use small letters, digits and hyphens, "
                "such as 'acme-wiki'"
            )
        if self.http and self.kind == "transformer":
            raise ConfigError("a transformer asks nobody: leave out --http")
        for taken in entry_points(group="ztoq", name=self.name):
            if taken.dist and taken.dist.name != f"ztoq-{self.name}":
                raise ConfigError(
                    f"the plugin {self.name!r} of {taken.dist.name} is installed, and two of one "
                    "name are refused; choose another name"
                )
        if folder.exists():
            raise ConfigError(f"{str(folder)!r} exists already; choose another --folder")
        written = []
        try:
            for place, text in self._files():
                path = folder / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
                written.append(path)
        except OSError as error:
            raise ConfigError(f"cannot write into {str(folder)!r}: {error.strerror}") from error
        return written

    def _files(self) -> Iterator[tuple[str, str]]:
        package = f"ztoq_{self.module}"
        values = self._values()
        for name in ("common", f"{self.kind}_http" if self.http else self.kind):
            for each in _templates(_TEMPLATES / name):
                text = Template(each.read_text("utf-8")).substitute(values)
                file = each.name.removesuffix(_ENDING)
                place = file if file.endswith(_BESIDE) else f"{package}/{file}"
                yield _PLACES.get(file, place), text
        yield f"{package}/py.typed", ""
        yield ".gitignore", "__pycache__/\n*.db*\nout/\n"
        if self.kind == "source" and not self.http:
            yield "export.json", _json({"cases": [_exported(number) for number in TEN]})
        if self.kind != "source":
            yield from _project()
        if self.kind == "transformer":
            before = {"key": "ACME-T1", "name": "Log in", "labels": ["smoke"]}
            after = {**before, "labels": ["smoke", "migrated"]}
            case = "tests/cases/a-label-more"
            yield f"{case}/in.json", _json({"kind": "test_case", "record": before})
            yield f"{case}/out.json", _json({"kind": "test_case", "record": after})

    def _values(self) -> dict[str, str]:
        title = self.name.replace("-", " ").title()
        summary = {
            "source": f"Test cases of {title}",
            "sink": f"Folders and test cases into {title}",
            "transformer": f"The conventions of {title}",
        }
        simulates = ', "ztoq-testkit>=0.1,<0.2"' if self.http else ""
        golden = ',\n  "ztoq-mappings>=0.1,<0.2"' if self.kind == "transformer" else ""
        return {
            "name": self.name,
            "module": self.module,
            "class_": title.replace(" ", ""),
            "title": title,
            "env": self.module.upper(),
            "summary": summary[self.kind],
            "lost": "\n".join(f'        "{each}",' for each in _LOST),
            "more_dependencies": f', "attrs>=25.1"{simulates}',
            "more_test_dependencies": golden,
        }


def _templates(folder: Traversable) -> list[Traversable]:
    return sorted((each for each in folder.iterdir() if each.is_file()), key=lambda f: f.name)


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _exported(number: int) -> dict[str, object]:
    return {
        "key": f"ACME-{number}",
        "title": f"Case {number}",
        "text": f"<p>What {number} is for</p>",
        "steps": [{"action": "<p>Open the shop</p>", "result": "<p>It opens</p>"}],
    }


def _project() -> Iterator[tuple[str, str]]:
    """Yield a project of ten cases in the form of ztoq-files."""
    folder = {"key": "ACME-F1", "name": "Shop", "tree": "cases"}
    cases = [
        {
            "key": f"ACME-T{number}",
            "name": f"Case {number}",
            "folder": {"kind": "folder", "key": "ACME-F1"},
            "description": f"<p>What {number} is for</p>",
            "steps": [{"key": "1", "description": "<p>Open the shop</p>"}],
        }
        for number in TEN
    ]
    yield "project/manifest.json", _json({"format": "ztoq-records", "version": 1, "closed": True})
    for name, records in (("folder", [folder]), ("test_case", cases)):
        lines = "".join(json.dumps(each) + "\n" for each in records)
        yield f"project/{name}.jsonl", lines
