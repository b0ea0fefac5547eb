"""Continuous archiving: every finished piece of the write-ahead log goes where the last backup went.

PostgreSQL calls one small script for each piece. Until there is a backup it does nothing; `samtycke backup`
exchanges it, so that archiving begins without a restart. A piece is compressed (one that a quiet minute
filled with zeroes has a few kilobytes), synced and renamed; PostgreSQL calls again until that succeeded.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from service.embedded.files import write_private

SCRIPT = "archive.sh"
SUFFIX = ".gz"
# A quiet machine loses at most this much when its disk is lost.
TIMEOUT_SECONDS = 60

_IDLE = "#!/bin/sh\n# There is no backup yet, and so nothing that these pieces could continue.\nexit 0\n"
_ACTIVE = """\
#!/bin/sh
# Written by `samtycke backup`. $1 is the piece, $2 its name.
set -e
to={folder}
if [ -e "$to/$2{suffix}" ]; then
    gzip -dc "$to/$2{suffix}" | cmp -s - "$1"
    exit
fi
gzip -1 -c "$1" > "$to/.$2.part"
sync "$to/.$2.part"
mv "$to/.$2.part" "$to/$2{suffix}"
sync "$to"
"""


def idle_script() -> str:
    return _IDLE


def archive_to(folder: Path, wal: Path) -> Path:
    """Send the pieces to `wal` from now on; `folder` is the server's own. The script's path."""
    script = folder / SCRIPT
    write_private(script, _ACTIVE.format(folder=shlex.quote(str(wal)), suffix=SUFFIX))
    return script


def archive_command(folder: Path) -> str:
    """As PostgreSQL's setting has it, where % has a meaning of its own."""
    script = shlex.quote(str(folder / SCRIPT)).replace("%", "%%")
    return f'/bin/sh {script} "%p" "%f"'


def restore_command(wal: Path) -> str:
    folder = shlex.quote(str(wal)).replace("%", "%%")
    return f'gzip -dc {folder}/"%f"{SUFFIX} > "%p"'
