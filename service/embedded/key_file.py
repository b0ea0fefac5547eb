"""The key file of an installation: made once, for an empty database, and never made again behind data."""

from __future__ import annotations

import os
from collections.abc import Mapping

import psycopg

from service.config import Config
from service.crypto.providers import open_providers, parse_keys
from service.crypto.providers.key_file import KeyFile, create_key_file
from service.errors import KeyFileError

_KNOWS_KEYS = """
select exists (select from keys.data_keys)
    or exists (select from keys.keks where provider = 'file' and state <> 'destroyed')
"""


def ensure_key_file(config: Config, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a key file was made now. The database is migrated already. Where the keys are elsewhere, no
    file is needed; what those providers need of `environ` is checked.

    Raises ConfigError, and KeyFileError when the file is missing but the database knows its keys: a new one
    would open nothing and hide that the old one is gone.
    """
    assert config.database_url is not None
    if all(kind != "file" for kind, _ in parse_keys(config.keys.providers)):
        open_providers(config.keys.providers, os.environ if environ is None else environ)
        return False
    if config.key_file.exists():
        KeyFile(config.key_file)
        return False
    with psycopg.connect(config.database_url) as db:
        row = db.execute(_KNOWS_KEYS).fetchone()
    if row is not None and row[0]:
        raise KeyFileError(f"{config.key_file} is missing, and the database holds data sealed under its keys")
    create_key_file(config.key_file)
    return True
