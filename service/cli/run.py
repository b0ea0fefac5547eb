"""`samtycke run` for everything on one machine; `web`, `worker`, `beat` and `migrate` for its parts."""

from __future__ import annotations

import os
import sys

import click

from service.config import Config
from service.embedded.children import beat_command, web_command, web_environ, worker_command
from service.embedded.erasures import ensure_erasures
from service.embedded.supervisor import serve
from service.embedded.terminal import Terminal
from service.errors import ConfigError
from service.storage.migrate import migrate as bring_up_to_date


@click.command()
def run() -> None:
    """Run everything on this machine until Ctrl-C.

    The data folder is SAMTYCKE_HOME, the port SAMTYCKE_PORT. SAMTYCKE_DATABASE_URL and
    SAMTYCKE_BROKER_URL, when set, take the place of the embedded servers."""
    serve(Config.from_environ(os.environ), os.environ, Terminal(sys.stdout))


@click.command()
def web() -> None:
    """Run the web server alone, in this process's place."""
    config = _with_servers()
    ensure_erasures(config)
    _become(web_command(config), web_environ(config, {**os.environ, **config.as_environ()}))


@click.command()
def worker() -> None:
    """Run a task worker alone, in this process's place."""
    config = _with_servers()
    ensure_erasures(config)
    _become(worker_command(config), {**os.environ, **config.as_environ()})


@click.command()
def beat() -> None:
    """Run the scheduler alone, in this process's place. An installation has one."""
    config = _with_servers()
    (config.home / "beat").mkdir(mode=0o700, parents=True, exist_ok=True)
    _become(beat_command(config), {**os.environ, **config.as_environ()})


@click.command()
def migrate() -> None:
    """Bring the database up to date. Safe to start on many machines at once."""
    url = Config.for_running_instance(os.environ).database_url
    if url is None:
        raise ConfigError("SAMTYCKE_DATABASE_URL must be set")
    applied = bring_up_to_date(url)
    for name in applied:
        click.echo(name)
    if not applied:
        click.echo("nothing to do")


def _with_servers() -> Config:
    """The configuration of a part that runs on its own, whose servers must both be named."""
    config = Config.from_environ(os.environ)
    for name, url in (
        ("SAMTYCKE_DATABASE_URL", config.database_url),
        ("SAMTYCKE_BROKER_URL", config.broker_url),
    ):
        if url is None:
            raise ConfigError(f"{name} must be set; `samtycke run` alone starts servers of its own")
    return config


def _become(command: tuple[str, ...], environ: dict[str, str]) -> None:
    os.execve(command[0], command, environ)  # noqa: S606 (no shell is wanted)
