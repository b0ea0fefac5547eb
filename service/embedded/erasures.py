"""Before anything serves: what the erasure journal tells of is done in this database, whatever copy it is."""

from __future__ import annotations

from service.bootstrap import build_services
from service.config import Config
from service.storage.migrate import missing_migrations
from service.use_cases.replay_erasures import replay_erasures


def ensure_erasures(config: Config) -> int:
    """Do what the database has not done of the journal; how many erasures. A database that lacks tables
    serves nobody, and is left to `samtycke migrate`.

    Raises JournalError when journal and database do not fit together: then nothing may be served."""
    services = build_services(config, pool_size=1)
    try:
        with services.database.connection() as db:
            if missing_migrations(db):
                return 0
        return replay_erasures(services)
    finally:
        services.close()
