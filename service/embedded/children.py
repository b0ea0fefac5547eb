"""The service's own processes as data: the same command lines under the supervisor and, by `samtycke web`,
`samtycke worker` and `samtycke beat`, on machines of their own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from service.config import Config
from service.embedded.programs import Program

# Short-lived answers first: a request ends within this time or its worker is killed.
WEB_PATIENCE = 10
# A chunk of a bulk job may finish; one that takes longer is redelivered, since it is acknowledged late.
WORKER_PATIENCE = 30.0
METRICS = "PROMETHEUS_MULTIPROC_DIR"

Service = Callable[[Config, Mapping[str, str]], Program]


def web_command(config: Config) -> tuple[str, ...]:
    # One blocking thread per worker has the best tail: the interpreter's lock gains nothing from more.
    return (
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
        *("--host", config.host, "--port", str(config.port)),
        *("--workers", str(config.web_workers), "--blocking-threads", "1"),
        *("--respawn-failed-workers", "--respawn-interval", "1"),
        *("--workers-kill-timeout", str(WEB_PATIENCE)),
        "service.wsgi:application",
    )


def worker_command(config: Config) -> tuple[str, ...]:
    # Gossip and mingle are talk among workers that nothing here listens to; without it they start faster.
    return (
        *(sys.executable, "-m", "celery", "--app", "workers.celery_app", "worker"),
        *("--concurrency", str(config.worker_concurrency), "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle"),
    )


def beat_command(config: Config) -> tuple[str, ...]:
    schedule = config.home / "beat" / "schedule"
    return (
        *(sys.executable, "-m", "celery", "--app", "workers.celery_app", "beat"),
        *("--schedule", str(schedule), "--pidfile", "", "--loglevel", "INFO"),
    )


def web_environ(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` with a folder where the web processes count together, emptied: counts of an earlier set of
    processes would be added to theirs. A folder that the environment names is its owner's to empty."""
    if environ.get(METRICS):
        return dict(environ)
    folder = config.home / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    return {**environ, METRICS: str(folder)}


def log_of(home: Path, name: str) -> Path:
    return home / "logs" / f"{name}.log"


def web(config: Config, environ: Mapping[str, str]) -> Program:
    return Program(
        name="web",
        argv=web_command(config),
        environ=web_environ(config, environ),
        log=log_of(config.home, "web"),
        stop_within=WEB_PATIENCE + 5.0,
    )


def worker(config: Config, environ: Mapping[str, str]) -> Program:
    return Program(
        name="worker",
        argv=worker_command(config),
        environ=environ,
        log=log_of(config.home, "worker"),
        stop_within=WORKER_PATIENCE,
    )


def beat(config: Config, environ: Mapping[str, str]) -> Program:
    return Program(name="beat", argv=beat_command(config), environ=environ, log=log_of(config.home, "beat"))


def relay(config: Config, environ: Mapping[str, str]) -> Program:
    return Program(
        name="relay",
        argv=(sys.executable, "-m", "service.cli", "relay"),
        environ=environ,
        log=log_of(config.home, "relay"),
        stop_within=WORKER_PATIENCE,
    )


def demo(config: Config, environ: Mapping[str, str]) -> Program:
    """Loads the demo data into the running service; made to be run again after an interruption."""
    return Program(
        name="demo",
        argv=(sys.executable, "-m", "service.embedded.demo"),
        environ=environ,
        log=log_of(config.home, "demo"),
        once=True,
    )


def services_of(config: Config) -> tuple[Service, ...]:
    """What runs in a complete installation, in the order of starting."""
    return (web, worker, beat, relay, demo) if config.demo else (web, worker, beat, relay)
