"""Named blocks of SQL: each storage module keeps its statements in the `.sql` file beside it.

A block is a comment with its description, whose last line is `-- name: block_name`, and then the
statement. `load(__file__)` gives them by name; asking for a missing one is a KeyError at import time
if the module binds its statements to constants.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: ([a-z0-9_]+)\s*$", re.MULTILINE)


def load(module_file: str) -> dict[str, bytes]:
    """The statements beside `module_file`, as bytes, which psycopg takes as trusted SQL."""
    text = Path(module_file).with_suffix(".sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    names, bodies = parts[1::2], parts[2::2]
    blocks = {name: _without_comments(body).encode() for name, body in zip(names, bodies, strict=True)}
    if len(blocks) != len(names):
        raise ValueError(f"{module_file}: a block name stands twice")
    return blocks


def _without_comments(body: str) -> str:
    lines = [line for line in body.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().rstrip(";")
