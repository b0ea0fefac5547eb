"""Where the data folder lies, and who may enter it.

PostgreSQL refuses to run as root, so a start by root hands it to an unprivileged account, and that account
must be able to walk down to its files. Opening the modes of somebody's parent folders would be easy and
wrong: a default folder that cannot be reached is laid elsewhere, an explicit one is an error."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_NAME = ".samtycke"
SYSTEM_HOMES = Path("/var/lib/samtycke")
# The first of these that exists runs PostgreSQL when root starts it.
UNPRIVILEGED_NAMES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An account of this machine, by number."""

    name: str
    uid: int
    gid: int


def unprivileged_account(names: Sequence[str] = UNPRIVILEGED_NAMES) -> Account | None:
    """The account that PostgreSQL must run under, or None when the own one will do.

    Raises LookupError if root starts it and no such account exists."""
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise LookupError(f"no account named {' or '.join(names)} exists to run PostgreSQL under")


def first_closed_folder(path: Path, account: Account) -> Path | None:
    """The topmost existing folder on the way to `path`, itself included, that `account` cannot enter.

    Reads permission bits alone: where access lists say otherwise it errs towards closed."""
    for folder in (*reversed(path.parents), path):
        try:
            found = folder.stat()
        except FileNotFoundError:
            return None
        if found.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return folder
    return None


def default_home(here: Path) -> Path:
    """The data folder of a start in `here` that names none: a folder inside it, or, when root starts it
    where PostgreSQL's account cannot go, one of its own below /var/lib/samtycke."""
    inside = here / DEFAULT_NAME
    try:
        account = unprivileged_account()
    except LookupError:
        return inside
    if account is None or first_closed_folder(here, account) is None:
        return inside
    digest = hashlib.sha256(os.fsencode(here)).hexdigest()[:12]
    return SYSTEM_HOMES / f"{here.name or 'root'}-{digest}"
