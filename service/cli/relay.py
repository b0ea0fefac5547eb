"""`samtycke relay`: hands over what waits in the outbox."""

from __future__ import annotations

import os
import signal
import threading

import click

from service.bootstrap import build_services
from service.config import Config
from service.embedded.erasures import ensure_erasures
from service.logging import configure_logging, get_logger
from service.senders.registry import senders
from service.use_cases.relay import Relay


@click.command()
@click.option(
    "--threads", type=click.IntRange(1, 64), default=8, show_default=True, help="Attempts at a time."
)
def relay(threads: int) -> None:
    """Hand over what waits, until SIGTERM or Ctrl-C; then finish what is under way. Several may run."""
    config = Config.for_running_instance(os.environ)
    ensure_erasures(config)
    configure_logging()
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    # One connection for each attempt, and one to pick.
    services = build_services(config, pool_size=threads + 1)
    try:
        get_logger().info("relay started", threads=threads)
        Relay(services, senders(config, services), threads=threads).run(stop)
        get_logger().info("relay stopped")
    finally:
        services.close()
