"""Whether this process lives (/healthz), can do its work (/readyz), and what it did (/metrics)."""

from __future__ import annotations

from collections.abc import Callable

import kombu
from flask import Response, current_app

from service.api.auth import public
from service.api.context import services
from service.api.metrics import Metrics
from service.api.openapi import Routes, json_response
from service.api.problems import problem
from service.bootstrap import Services
from service.errors import ConfigError
from service.logging import describe_error, get_logger

METRICS = "samtycke-metrics"

# A balancer asks every few seconds and must not wait for what does not answer.
_TIMEOUT = 1

routes = Routes("operations", "Health and metrics", prefix="/")


@routes.get("/healthz")
@public
@routes.answer(200, description="The process answers")
def read_health() -> Response:
    """Whether the process answers."""
    return json_response({"status": "ok"})


@routes.get("/readyz")
@public
@routes.answer(200, description="Everything that an answer needs is there")
def read_readiness() -> Response:
    """Whether database, policy, keys and broker can be used; a 503 names those that cannot."""
    parts: dict[str, str] = {}
    for name, check in CHECKS.items():
        # Waiting a second time for a database that did not come would only keep the balancer waiting too.
        hopeless = name == "policy" and parts["database"] != "ok"
        parts[name] = "unavailable" if hopeless else _state(name, check)
    if all(state == "ok" for state in parts.values()):
        return json_response({"status": "ok", "parts": parts})
    failing = ", ".join(name for name, state in parts.items() if state != "ok")
    return problem(503, "not-ready", "A needed part is not available", failing, more={"parts": parts})


@routes.get("/metrics")
@public
@routes.answer(200, description="Prometheus text format")
def read_metrics() -> Response:
    """Counts and durations by route."""
    metrics: Metrics = current_app.extensions[METRICS]
    return metrics.show()


def _check_database(found: Services) -> None:
    with found.database.connection() as db:
        db.execute("select 1")


def _check_policy(found: Services) -> None:
    with found.database.connection() as db:
        found.policies.in_force(db)


def _check_keys(found: Services) -> None:
    found.keyring.check()


def _check_broker(found: Services) -> None:
    if found.config.broker_url is None:
        raise ConfigError("no broker")
    options = {"socket_connect_timeout": _TIMEOUT, "socket_timeout": _TIMEOUT}
    with kombu.Connection(
        found.config.broker_url, connect_timeout=_TIMEOUT, transport_options=options
    ) as connection:
        connection.ensure_connection(max_retries=1, timeout=_TIMEOUT, reraise_as_library_errors=False)


CHECKS: dict[str, Callable[[Services], None]] = {
    "database": _check_database,
    "policy": _check_policy,
    "keys": _check_keys,
    "broker": _check_broker,
}


def _state(name: str, check: Callable[[Services], None]) -> str:
    try:
        check(services())
    except Exception as error:  # each part's client has errors of its own, and any of them means the same
        get_logger().warning("not ready", part=name, **describe_error(error))
        return "unavailable"
    return "ok"
