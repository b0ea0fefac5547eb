"""An installation to measure on: PostgreSQL with fsync on and a broker, in a folder that goes afterwards."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.embedded.postgres import Postgres
from service.embedded.programs import Program, Running
from service.embedded.valkey import Valkey
from service.storage.migrate import migrate


@contextmanager
def installation() -> Iterator[Services]:
    """Migrated and empty. SAMTYCKE_DATABASE_URL and SAMTYCKE_BROKER_URL bypass the embedded servers."""
    home = Path(tempfile.mkdtemp(prefix="samtycke-bench-"))
    home.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        environ = dict(os.environ) | {"SAMTYCKE_HOME": str(home), "SAMTYCKE_DEMO": "off"}
        if "SAMTYCKE_DATABASE_URL" not in environ:
            postgres = Postgres(home, home / "postgres.log")
            postgres.prepare()
            _run(stack, postgres.program)
            _wait(postgres.is_ready)
            environ["SAMTYCKE_DATABASE_URL"] = postgres.url()
        if "SAMTYCKE_BROKER_URL" not in environ:
            valkey = Valkey(home / "valkey", home / "valkey.log")
            valkey.prepare()
            _run(stack, valkey.program)
            _wait(valkey.is_ready)
            environ["SAMTYCKE_BROKER_URL"] = valkey.url()
        config = Config.from_environ(environ)
        assert config.database_url is not None
        migrate(config.database_url)
        create_key_file(config.key_file)
        services = build_services(config)
        stack.callback(services.close)
        yield services


def _run(stack: ExitStack, program: Program) -> None:
    running = Running(program)

    def end() -> None:
        running.send_stop()
        running.wait(program.stop_within)
        running.kill()

    stack.callback(end)


def _wait(ready: object, within: float = 30.0) -> None:
    until = time.monotonic() + within
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < until, "a server does not start"
        time.sleep(0.02)
