"""``ztoq map test``: golden cases through the mapping that the config names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import rich_click as click

from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured
from ztoq_core.contracts import Transform, TransformContext
from ztoq_core.convert import show_json
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.json_changes import changes
from ztoq_core.records import counted
from ztoq_core.settings.config import Config
from ztoq_mappings.workbench import golden
from ztoq_mappings.workbench.golden import Case

FOLDER = "cases"
"""Where golden cases lie beside the config file."""


@attrs.frozen(kw_only=True)
class _Tried:
    """A case with what came out; ``differences`` are lines with paths, none where all is right."""

    case: Case
    found: Mapping[str, Any]
    differences: Sequence[str]


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--update", is_flag=True, help="Write the result as the expected one (out.json).")
@verb
def test(options: Options, *, folder: Path | None, update: bool) -> int:
    """Run golden cases through the mapping; neither side is called, no secret is needed.

    FOLDER holds a folder for each case, with in.json and out.json.  [default: the folder cases
    beside the config file] The exit code is 1 if a result differs from out.json.

    \b
    Example:  ztoq map test cases
    """
    with configured(options) as config:
        return _try_cases(Output(options), config, folder, update=update)


def _try_cases(output: Output, config: Config, folder: Path | None, *, update: bool) -> int:
    """Run the cases in a folder, print the differences, and return the exit code.

    Raises:
        ConfigError: There are no cases, one cannot be read, or the mapping cannot be used.
    """
    cases = golden.read_cases(config.folder / FOLDER if folder is None else folder)
    tried = [_tried(config, case) for case in cases]
    wrong = [each for each in tried if each.differences]
    if update:
        for each in wrong:
            golden.rewrite(each.case, each.found)
    code = Exit.LEFT if wrong and not update else Exit.OK

    def print_() -> None:
        for each in wrong:
            for line in _diff(each):
                output.out.print(line)
        comes = "comes" if len(wrong) == 1 else "come"
        done = "rewritten, read the difference" if update else f"{comes} out differently"
        verdict = f"{len(wrong):,} {done}" if wrong else "all come out as expected"
        output.out.print(f"{counted(len(tried), 'case')}: {verdict}")

    facts = {
        "exit": int(code),
        "cases": len(tried),
        "updated": len(wrong) if update else 0,
        "different": [
            {"case": each.case.name, "differences": list(each.differences), "found": each.found}
            for each in wrong
        ],
    }
    output.result(facts, print_)
    return code


def _tried(config: Config, case: Case) -> _Tried:
    if case.options:
        raise ConfigError(
            f"{case.folder / golden.BEFORE}: 'options' are for the test of a single transformer; "
            "`ztoq map test` takes those of the config: leave them out, or test it with pytest"
        )
    found = golden.run(case, _chain(config, case))
    return _Tried(case=case, found=found, differences=golden.differences(case.expected, found))


def _chain(config: Config, case: Case) -> list[Transform]:
    """Return the transformers of the config; what a case says of the two sides wins."""
    context = TransformContext(
        source=case.context.source,
        source_config=_given(case.context.source_config) or config.source.settings,
        sink_config=_given(case.context.sink_config) or config.sink.settings,
    )
    return [part.plugin.build(part.settings, context) for part in config.chain()]


def _given(settings: object) -> object:
    return settings if vars(settings) else None


def _diff(tried: _Tried) -> Iterator[str]:
    """Yield a unified diff whose hunks are named by the paths of the values."""
    name, expected = tried.case.name, tried.case.expected
    yield f"--- {name}/{golden.AFTER}"
    yield f"+++ {name}, as it comes out now"
    if expected is None:
        yield f"@@ {tried.differences[0]}; --update writes it @@"
    for change in changes(expected or {}, tried.found):
        yield f"@@ {change.path} @@"
        yield from (f"-{line}" for line in _lines(change.before))
        yield from (f"+{line}" for line in _lines(change.after))
    yield ""


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    return show_json(value, indented=True).splitlines()
