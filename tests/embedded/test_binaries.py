"""PostgreSQL's programs where the account that runs them can read them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

from service.embedded import binaries
from service.embedded.binaries import programs_for
from service.embedded.errors import DiskFullError, StartError, is_disk_full
from service.embedded.home import Account, unprivileged_account

STRANGER = Account("stranger", 54321, 54321)


def test_own_account_uses_what_is_installed(open_folder: Path) -> None:
    folder = programs_for(None, open_folder)
    assert (folder / "initdb").is_file()
    assert not list(open_folder.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run something as another account")
def test_copy_works_where_the_installed_ones_cannot_be_read(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_is_open", lambda _site, _account: False)
    account = unprivileged_account()
    assert account
    # A copy that was interrupted is made anew.
    (open_folder / "postgresql-18.6.3.part" / "half").mkdir(parents=True)
    folder = programs_for(account, open_folder)
    assert folder.is_relative_to(open_folder)
    for program in ("postgres", "initdb"):
        done = subprocess.run(
            [str(folder / program), "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        assert "PostgreSQL" in done.stdout
    assert [entry.name for entry in open_folder.iterdir()] == ["postgresql-18.6.3"]


def test_closed_folder_and_closed_file_are_noticed(open_folder: Path) -> None:
    share = open_folder / binaries.INSTALLED / "share"
    for file in (open_folder / binaries.INSTALLED / "bin" / "postgres", share / "postgres.bki"):
        file.parent.mkdir(parents=True)
        file.touch()
        file.chmod(0o755)
    for folder in share.parents:
        if folder.is_relative_to(open_folder):
            folder.chmod(0o755)
    share.chmod(0o755)
    share.parent.joinpath("bin").chmod(0o755)
    assert binaries._is_open(open_folder, STRANGER)
    share.chmod(0o750)
    assert not binaries._is_open(open_folder, STRANGER)
    share.chmod(0o755)
    (share / "postgres.bki").chmod(0o640)
    assert not binaries._is_open(open_folder, STRANGER)


def test_missing_wheel_names_the_way_out(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(StartError, match="set SAMTYCKE_DATABASE_URL"):
        programs_for(None, open_folder)


def test_full_disk_is_recognised_through_what_it_caused() -> None:
    error = RuntimeError("could not write")
    error.__cause__ = OSError(28, "No space left on device")
    assert is_disk_full(error)
    assert is_disk_full(RuntimeError("initdb: could not write: No space left on device"))
    assert not is_disk_full(OSError(13, "Permission denied"))
    assert "free some space" in str(DiskFullError(Path("/data")))
