"""What the person who started the service sees."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from service.config import Config

ROLES = ("shop", "marketing", "pharmacist", "dpo", "admin")


class Terminal:
    """Lines for a person, and one line that moves: progress overwrites itself where the output can."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._moving = out.isatty()
        self._progress = ""

    def say(self, line: str) -> None:
        self._end_progress()
        self._write(f"{line}\n")

    def progress(self, line: str) -> None:
        """Show the newest state of something that goes on."""
        if line == self._progress:
            return
        if self._moving:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r{line[:width]:<{min(len(self._progress), width)}}")
        else:
            self._write(f"{line}\n")
        self._progress = line

    def _end_progress(self) -> None:
        if self._progress and self._moving:
            self._write("\n")
        self._progress = ""

    def _write(self, text: str) -> None:
        # A closed pipe or a full disk behind the output is no reason to stop serving.
        with suppress(OSError, ValueError):
            self._out.write(text)
            self._out.flush()


def welcome(config: Config, environ: Mapping[str, str], seconds: float) -> str:
    """What to open and how to get a token, once the service answers."""
    lines = [
        f"samtycke answers after {seconds:.1f} s",
        f"  address      {config.address}",
        f"  open         {config.address}/docs",
        f"  data folder  {config.home} (logs in {config.home / 'logs'})",
    ]
    if config.jwks is None:
        command = token_command(environ)
        lines.append(f"  tokens       {command} --role customer --subject ID")
        lines += [f"               {command} --role {role}" for role in ROLES]
    else:
        lines.append(f"  tokens       from the issuer {config.issuer}, whose keys are {config.jwks}")
    lines.append("  stop         Ctrl-C")
    return "\n".join(lines)


def token_command(environ: Mapping[str, str]) -> str:
    """The token command as it works from the folder where the service was started."""
    program = Path(sys.executable).with_name("samtycke")
    if shutil.which("samtycke") == str(program):
        name = "samtycke"
    else:
        inside = program.is_relative_to(Path.cwd())
        name = str(program.relative_to(Path.cwd()) if inside else program)
    home = environ.get("SAMTYCKE_HOME")
    prefix = f"SAMTYCKE_HOME={shlex.quote(os.path.abspath(home))} " if home else ""  # noqa: PTH100 (keeps symbolic links)
    return f"{prefix}{shlex.quote(name)} token"
