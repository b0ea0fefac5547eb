"""The key file of an installation: made once, for an empty database, and never made again behind data."""

from __future__ import annotations

import psycopg

from service.config import Config
from service.crypto.providers import parse_keys
from service.crypto.providers.key_file import KeyFile, create_key_file
from service.errors import KeyFileError


def ensure_key_file(config: Config) -> bool:
    """Whether a key file was made now. The database is migrated already. Where the keys are elsewhere, no
    file is needed.

    Raises KeyFileError when the file is missing but the database holds sealed data: a new key would open
    none of it and hide that the old one is gone.
    """
    assert config.database_url is not None
    if all(kind != "file" for kind, _ in parse_keys(config.keys.providers)):
        return False
    if config.key_file.exists():
        KeyFile(config.key_file)
        return False
    with psycopg.connect(config.database_url) as db:
        row = db.execute("select exists (select 1 from keys.data_keys)").fetchone()
    if row is not None and row[0]:
        raise KeyFileError(f"{config.key_file} is missing, and the database holds data sealed under its keys")
    create_key_file(config.key_file)
    return True
