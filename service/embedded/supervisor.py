"""The self-contained start: database, broker, migrations, web server, worker, beat, relay and demo data under
one process, which stops them all when it stops and starts again whatever crashes."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg

from service.config import Config
from service.embedded import logs
from service.embedded.children import Service, log_of, services_of
from service.embedded.erasures import ensure_erasures
from service.embedded.errors import (
    FULL_DISK_TEXTS,
    DiskFullError,
    HomeError,
    StartError,
    StopRequested,
    is_disk_full,
)
from service.embedded.instance import hold, write_note
from service.embedded.key_file import ensure_key_file
from service.embedded.ports import require_free
from service.embedded.postgres import Postgres
from service.embedded.programs import Program, Running
from service.embedded.stop import StopSignals
from service.embedded.terminal import Terminal, welcome
from service.embedded.unfinished import require_whole
from service.embedded.valkey import Valkey
from service.embedded.watch import Watched
from service.errors import SamtyckeError
from service.storage.migrate import migrate

SERVER_PATIENCE = 120.0
WEB_PATIENCE = 60.0
TICK = 0.25
LONG_WAIT = 2.0
TRIM_EVERY = 60.0
# A server that was killed a moment ago may still be letting go of its memory or port: try again for a while.
PASSING_FAULTS = ("shared memory block", "lock file", "Address already in use")
PASSING_FAULT_TRIES = 40


def serve(
    config: Config, environ: Mapping[str, str], terminal: Terminal, services: Sequence[Service] | None = None
) -> None:
    """Start everything, stay until SIGINT, SIGTERM or SIGHUP, and return when no child is left.

    Raises a SamtyckeError with one clear sentence when it cannot start; the data folder can always be
    started again. Call it from the main thread of a process without other threads."""
    try:
        try:
            # Only this folder's own mode is ours to set. PostgreSQL's account passes through it to its own.
            config.home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            with hold(config.home), StopSignals() as stop:
                require_whole(config.home)
                require_free(config.host, config.port)
                (config.home / "logs").mkdir(mode=0o700, exist_ok=True)
                Supervisor(config, environ, terminal, stop, services).run()
        except (OSError, SamtyckeError, psycopg.Error) as error:
            if is_disk_full(error) and not isinstance(error, DiskFullError):
                raise DiskFullError(config.home) from error
            raise
    except OSError as error:
        raise HomeError(f"{error.filename or config.home}: {error.strerror or error}") from error


class Supervisor:
    """The life of one installation, from the first server to the last end."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        terminal: Terminal,
        stop: StopSignals,
        services: Sequence[Service] | None,
    ) -> None:
        self._config = config
        self._environ = dict(environ)
        self._terminal = terminal
        self._stop = stop
        self._wanted = services_of(config) if services is None else tuple(services)
        self._servers: list[Watched] = []
        self._services: list[Watched] = []
        self._began = time.monotonic()

    def run(self) -> None:
        with suppress(StopRequested):
            try:
                self._start_servers()
                self._migrate()
                if ensure_key_file(self._config, self._environ):
                    self._terminal.say(f"made the key file {self._config.key_file}: without it nothing opens")
                self._complete_erasures()
                write_note(self._config.home, self._config.as_environ())
                self._start_services()
                self._watch()
            finally:
                self._stop_all()

    def _start_servers(self) -> None:
        home = self._config.home
        postgres = valkey = None
        if self._config.database_url is None:
            fresh = not (home / "postgres" / "data").exists()
            self._terminal.say("setting up the database" if fresh else "starting the database")
            postgres = Postgres(home, log_of(home, "postgres"))
            postgres.prepare()
            self._servers.append(self._begin(postgres.program))
        if self._config.broker_url is None:
            valkey = Valkey(home / "valkey", log_of(home, "valkey"))
            valkey.prepare()
            self._servers.append(self._begin(valkey.program))
        # Both read their files at the same time; only then are they waited for.
        if postgres is not None:
            self._await(self._servers[0], postgres.is_ready, postgres.prepare, lambda: postgres.program)
            self._config = replace(self._config, database_url=postgres.url())
        if valkey is not None:
            self._await(self._servers[-1], valkey.is_ready, valkey.prepare, lambda: valkey.program)
            self._config = replace(self._config, broker_url=valkey.url())

    def _begin(self, program: Program) -> Watched:
        self._stop.check()
        return Watched(program, Running(program))

    def _await(
        self,
        watched: Watched,
        is_ready: Callable[[], bool],
        prepare: Callable[[], None],
        program: Callable[[], Program],
    ) -> None:
        """Wait until an embedded server answers; prepare and start it again after a passing fault."""
        until = time.monotonic() + SERVER_PATIENCE
        faults = 0
        while True:
            running = watched.running
            if running is None or running.exit_code() is not None:
                tail = running.log_tail() if running else ""
                faults += 1
                if not any(text in tail for text in PASSING_FAULTS) or faults > PASSING_FAULT_TRIES:
                    raise self._failed(watched, tail)
                self._stop.pause(TICK)
                prepare()
                watched.program = program()
                watched.running = Running(watched.program)
            elif is_ready():
                return
            elif time.monotonic() > until:
                raise StartError(f"{watched.program.name} does not answer; see {watched.program.log}")
            self._stop.pause(0.01)

    def _failed(self, watched: Watched, tail: str) -> StartError:
        if any(text in tail for text in FULL_DISK_TEXTS):
            return DiskFullError(self._config.home)
        last = "\n  ".join(tail.splitlines()[-5:])
        return StartError(f"{watched.program.name} did not start; see {watched.program.log}\n  {last}")

    def _migrate(self) -> None:
        assert self._config.database_url is not None
        try:
            applied = migrate(self._config.database_url)
        except psycopg.OperationalError as error:
            if is_disk_full(error):
                raise
            raise StartError(f"the database cannot be reached: {str(error).strip()}") from error
        if applied:
            self._terminal.say(f"database brought up to date: {len(applied)} migrations, last {applied[-1]}")

    def _complete_erasures(self) -> None:
        done = ensure_erasures(self._config)
        if done:
            self._terminal.say(f"did {done} erasures again that this database had not seen")

    def _start_services(self) -> None:
        (self._config.home / "beat").mkdir(mode=0o700, exist_ok=True)
        environ = {**self._environ, "PYTHONUNBUFFERED": "1", **self._config.as_environ()}
        for service in self._wanted:
            watched = self._begin(service(self._config, environ))
            self._services.append(watched)
            # Whoever waits for the first answer waits for this alone; the others load afterwards.
            if watched.program.name == "web":
                self._await_web(watched)
        self._terminal.say(welcome(self._config, self._environ, time.monotonic() - self._began))

    def _await_web(self, watched: Watched) -> None:
        until = time.monotonic() + WEB_PATIENCE
        while not _answers(self._config.address):
            running = watched.running
            if running is None or running.exit_code() is not None or time.monotonic() > until:
                raise self._failed(watched, running.log_tail() if running else "")
            self._stop.pause(0.02)

    def _watch(self) -> None:
        once = {
            watched: logs.Follower(watched.program.log) for watched in self._services if watched.program.once
        }
        trimmed = time.monotonic()
        while True:
            self._stop.pause(TICK)
            for watched in (*self._servers, *self._services):
                self._check(watched)
            for watched, follower in once.items():
                line = None if watched.done else follower.last_line()
                if line:
                    prefix = f"{watched.program.name}: "
                    self._terminal.progress(prefix + line.removeprefix(prefix))
            if time.monotonic() - trimmed > TRIM_EVERY:
                trimmed = time.monotonic()
                with suppress(OSError):
                    logs.trim(self._config.home / "logs")

    def _check(self, watched: Watched) -> None:
        try:
            news = watched.check()
        except OSError as error:
            # Most likely its log cannot be opened on a full disk. It stays due and is tried again.
            news = f"{watched.program.name} cannot be started: {error.strerror}"
            self._stop.pause(1.0)
        if news:
            self._terminal.say(news)

    def _stop_all(self) -> None:
        """Web first, so that nothing new comes in; the worker may finish what it holds while the servers
        are there; the database last."""
        if self._servers or self._services:
            self._terminal.say("stopping")
        by_name = {watched.program.name: watched for watched in self._services}
        worker = by_name.pop("worker", None)
        self._end([*by_name.values()])
        self._end([worker] if worker else [])
        for server in reversed(self._servers):
            self._end([server])
        if self._servers or self._services:
            self._terminal.say("stopped")

    def _end(self, group: Sequence[Watched]) -> None:
        running = [watched.running for watched in group if watched.running is not None]
        for one in running:
            one.send_stop()
        began = time.monotonic()
        while late := [one for one in running if one.exit_code() is None]:
            waited = time.monotonic() - began
            for one in late:
                full = waited > LONG_WAIT and any(text in one.log_tail() for text in FULL_DISK_TEXTS)
                if full or waited > one.program.stop_within or self._stop.impatient:
                    # On a full disk the database would wait for room; what it has promised is in its log.
                    one.kill()
            if waited > LONG_WAIT:
                names = " and ".join(one.program.name for one in late)
                self._terminal.progress(f"waiting for {names} to finish; Ctrl-C again ends it at once")
            self._stop.rest(0.02)


def _answers(address: str) -> bool:
    """Whether the web server answers at all: what it says about its parts is not asked here."""
    url = urlsplit(address)
    try:
        with socket.create_connection((url.hostname or "", url.port or 80), timeout=5) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(12).startswith(b"HTTP/1.")
    except OSError:
        return False
