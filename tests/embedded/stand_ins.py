"""The supervisor with the smallest real web server, worker and scheduler, so that its own behaviour is tested
quickly and apart from the service's. Run as `python -m tests.embedded.stand_ins`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace

import celery
import flask
from celery.signals import worker_process_init

from service.config import Config
from service.embedded.children import Service, beat, log_of, web, worker
from service.embedded.parent import die_with_parent
from service.embedded.programs import Program
from service.embedded.supervisor import serve
from service.embedded.terminal import Terminal
from service.errors import SamtyckeError

HERE = "tests.embedded.stand_ins"

application = flask.Flask("stand-in")
tasks = celery.Celery("stand-in", broker=os.environ.get("SAMTYCKE_BROKER_URL", "memory://"))
worker_process_init.connect(lambda **_: die_with_parent(), weak=False)

DEMO = """
import sys, time
for done in range(3):
    print(f"{done + 1} of 3 customers", flush=True)
    time.sleep(0.3)
"""


@application.get("/healthz")
def healthz() -> str:
    die_with_parent()
    return "ok"


def instead(service: Service) -> Service:
    def stand_in(config: Config, environ: Mapping[str, str]) -> Program:
        program = service(config, environ)
        names = {"service.wsgi:application": f"{HERE}:application", "workers.celery_app": f"{HERE}:tasks"}
        return replace(program, argv=tuple(names.get(part, part) for part in program.argv))

    return stand_in


def demo(config: Config, environ: Mapping[str, str]) -> Program:
    return Program(
        name="demo",
        argv=(sys.executable, "-c", DEMO),
        environ=environ,
        log=log_of(config.home, "demo"),
        once=True,
    )


if __name__ == "__main__":
    try:
        serve(
            Config.from_environ(os.environ),
            os.environ,
            Terminal(sys.stdout),
            [instead(web), instead(worker), instead(beat), demo],
        )
    except SamtyckeError as error:
        sys.exit(f"Error: {error}")
