"""The embedded database: PostgreSQL, set up and run by its own programs.

It listens on 127.0.0.1 alone, by password, without a Unix socket, and keeps fsync on; its data folder
belongs to the account that runs it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import conninfo, sql

from service.embedded.archive import SCRIPT, TIMEOUT_SECONDS, archive_command, idle_script
from service.embedded.binaries import programs_for
from service.embedded.errors import FULL_DISK_TEXTS, DiskFullError, HomeError, StartError, is_disk_full
from service.embedded.files import write_private
from service.embedded.home import Account, first_closed_folder, unprivileged_account
from service.embedded.parent import tie_to_parent
from service.embedded.ports import LOOPBACK, remembered_port
from service.embedded.programs import Program

ROLE = "samtycke"
DATABASE = "samtycke"
ORPHAN_PATIENCE = 20.0
ENVIRON = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # An error's detail and statement may quote a row; a log may not (P14).
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    # What becomes of the pieces is the script's business: see `archive`.
    "archive_mode": "on",
    "archive_timeout": str(TIMEOUT_SECONDS),
}
# For tests alone, whose data may go with the machine.
FLEETING = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "archive_mode": "off",
}


class Postgres:
    """A PostgreSQL server below `home`, in `home/postgres`. Call `prepare`, then start `program`."""

    def __init__(self, home: Path, log: Path, *, durable: bool = True, connections: int = 100) -> None:
        self._home = home
        self._folder = home / "postgres"
        self._data = self._folder / "data"
        self._log = log
        self._settings = SETTINGS | {"max_connections": str(connections)} | ({} if durable else FLEETING)
        self._settings["archive_command"] = archive_command(self._folder)
        self._account: Account | None = None
        self._bin = Path()
        self._port = 0
        self._password = ""

    def prepare(self) -> None:
        """Make what the server needs: programs, data folder, password, port. What exists is kept, what an
        interrupted start left unfinished is made anew.

        Raises StartError or one of its kind."""
        try:
            self._account = unprivileged_account()
        except LookupError as error:
            raise StartError(f"{error.args[0]}: create one, or set SAMTYCKE_DATABASE_URL") from None
        if self._account is not None:
            closed = first_closed_folder(self._home, self._account)
            if closed is not None:
                raise HomeError(
                    f"PostgreSQL runs as {self._account.name!r}, since it refuses to run as root, and that"
                    f" account cannot enter {closed}; set SAMTYCKE_HOME to a folder it can reach"
                )
        self._bin = programs_for(self._account, self._home)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._own(self._folder)
        self._await_orphan()
        script = self._folder / SCRIPT
        if not script.exists():
            write_private(script, idle_script())
            self._own(script)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._password = (self._folder / "password").read_text(encoding="ascii")
        self._port = remembered_port(self._folder)

    @property
    def program(self) -> Program:
        settings = self._settings | {"port": str(self._port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            argv=(str(self._bin / "postgres"), "-D", str(self._data), *options),
            environ=ENVIRON,
            log=self._log,
            account=self._account,
            # SIGINT is its fast shutdown: transactions are rolled back, nothing needs recovery.
            stop_signal=signal.SIGINT,
            stop_within=30.0,
            orphan_signal=signal.SIGINT,
        )

    def url(self, database: str = DATABASE) -> str:
        """The address of one of its databases, password included."""
        return f"postgresql://{ROLE}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def is_ready(self) -> bool:
        """Whether it has recovered and takes connections. Makes the service's database when it is missing.

        Raises psycopg.Error when the disk is full, since waiting would not help."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5, autocommit=True) as connection:
                known = connection.execute("select from pg_database where datname = %s", [DATABASE])
                if known.fetchone() is None:
                    connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError as error:
            if is_disk_full(error):
                raise
            return False
        return True

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _initialise(self) -> None:
        # Only a whole cluster gets the name, so that an interrupted initdb, or one that met a full disk,
        # is noticed and made anew.
        part = self._folder / "data.part"
        shutil.rmtree(part, ignore_errors=True)
        password = self._folder / "password"
        write_private(password, secrets.token_urlsafe(24))
        self._own(password)
        command = [
            str(self._bin / "initdb"),
            *("--pgdata", str(part), "--username", ROLE, "--pwfile", str(password)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
        ]
        account = self._account
        done = subprocess.run(
            command,
            env=ENVIRON,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=tie_to_parent(signal.SIGKILL),
        )
        if done.returncode != 0:
            shutil.rmtree(part, ignore_errors=True)
            output = done.stdout.decode("utf-8", "replace")
            if any(text in output for text in FULL_DISK_TEXTS):
                raise DiskFullError(self._home)
            raise StartError(
                f"the database could not be set up: {output.strip().splitlines()[-1:] or output}"
            )
        part.replace(self._data)

    def _await_orphan(self) -> None:
        """Wait out a server that outlived a killed supervisor: the kernel has told it to stop, and two
        servers must not share a data folder. A note of one that is gone is removed, since its process
        number may by now be anybody's."""
        note = self._data / "postmaster.pid"
        if not Path("/proc/self").exists():
            return  # Without a way to tell a postmaster from a stranger, PostgreSQL's own check must do.
        until = time.monotonic() + ORPHAN_PATIENCE
        while note.exists():
            orphan = self._orphan(note)
            if orphan is None:
                note.unlink(missing_ok=True)
                return
            if time.monotonic() >= until:
                raise StartError(
                    f"a PostgreSQL server (process {orphan}) still uses {self._data} and does not stop"
                )
            time.sleep(0.05)

    def _orphan(self, note: Path) -> int | None:
        try:
            number = int(note.read_text(encoding="utf-8").splitlines()[0])
            # A postmaster works inside its data folder: that tells it from a stranger with its number.
            return number if Path(f"/proc/{number}/cwd").samefile(self._data) else None
        except (OSError, ValueError, IndexError):
            return None


def conninfo_for(url: str, database: str) -> str:
    """`url` with another database name."""
    return conninfo.make_conninfo(url, dbname=database)
