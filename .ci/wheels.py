"""Builds all distributions, installs the wheels in a fresh environment, and runs the demo there.

``python .ci/wheels.py FOLDER`` works in FOLDER. Prints the size of a base install (core,
connectors, mappings) without and with the demo and the kit for tests. Fails if the base install
takes more than 60 MB, or if the program does not work.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
BASE = (
    ROOT,
    ROOT / "plugins" / "ztoq-zephyr",
    ROOT / "plugins" / "ztoq-qtest",
    ROOT / "plugins" / "ztoq-files",
    ROOT / "mappings" / "ztoq-mappings",
)
EXTRAS = (ROOT / "plugins" / "ztoq-testkit", ROOT / "plugins" / "ztoq-demo")
WORDS = ("zephyr", "qtest", "jsonl", "to-qtest")
MOST_MEGABYTES = 60
NOT_OURS = ("pip", "setuptools", "_distutils_hack", "pkg_resources", "distutils-precedence")
"""What every new environment holds."""


def main(folder: Path) -> None:
    """Build, install, weigh and run."""
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    base = build(folder / "wheels" / "base", BASE)
    extras = build(folder / "wheels" / "extras", EXTRAS)

    environment = folder / "wheels" / "environment"
    venv.create(environment, with_pip=True)
    programs = environment / Path(sysconfig.get_path("scripts")).name
    install = (str(programs / "python"), "-m", "pip", "install", "--quiet")
    run(*install, *base)
    megabytes = weigh(environment) / 1e6
    run(*install, *extras)
    sys.stdout.write(
        f"base install: {megabytes:.1f} MB in site-packages without demo and kit, "
        f"{weigh(environment) / 1e6:.1f} MB with them\n"
    )
    if megabytes > MOST_MEGABYTES:
        sys.exit(f"a base install takes {megabytes:.1f} MB, more than {MOST_MEGABYTES}")

    ztoq = str(programs / "ztoq")
    listed = run(ztoq, "plugins", cwd=folder / "wheels")
    sys.stdout.write(listed)
    missing = [word for word in WORDS if word not in listed]
    if missing:
        sys.exit(f"ztoq plugins does not list {', '.join(missing)}")
    sys.stdout.write(run(ztoq, "demo", cwd=folder / "wheels"))


def build(folder: Path, sources: tuple[Path, ...]) -> list[str]:
    """Build a wheel of each distribution, and return their paths."""
    for source in sources:
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source))
    made = [str(each) for each in sorted(folder.glob("*.whl"))]
    if len(made) != len(sources):
        sys.exit(f"expected a wheel of each distribution, got {made}")
    return made


def run(*command: str, cwd: Path = ROOT) -> str:
    """Run a command to its end and return what it wrote; nothing of this checkout is importable."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(  # noqa: S603 - our own words
        command,
        cwd=cwd,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stdout.write(done.stdout)
        sys.exit(f"exit code {done.returncode}: {' '.join(command)}")
    return done.stdout


def weigh(environment: Path) -> int:
    """Return the bytes that were installed."""
    packages = next(environment.rglob("site-packages"))
    return sum(
        file.lstat().st_size
        for file in packages.rglob("*")
        if file.is_file() and not file.relative_to(packages).parts[0].startswith(NOT_OURS)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
