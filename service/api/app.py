"""The application: routes, the checks in front of every one of them, and what follows every answer."""

from __future__ import annotations

import re
import secrets
import time
from importlib import import_module
from importlib.metadata import version
from typing import Any

import msgspec
from flask import Flask, Response, g, request
from flask.json.provider import JSONProvider

from service.api.auth import Authenticator, acting, roles_of
from service.api.context import EXTENSION, route
from service.api.docs import documentation
from service.api.health import METRICS
from service.api.keys import trusted_keys
from service.api.limits import LimitedRequest, body_limit
from service.api.metrics import Metrics
from service.api.openapi import Interface, Routes
from service.api.problems import register_problems
from service.bootstrap import Services
from service.errors import NotFoundError
from service.logging import describe_error, get_logger

# Each module of service.api here has a blueprint `routes`; one line adds a noun to the interface.
NOUNS = (
    "health",
    "products",
    "purposes",
    "subjects",
    "consents",
    "receipts",
    "objections",
    "preferences",
    "preview",
    "mandates",
    "requests",
    "holds",
    "decisions",
    "authzen",
    "candidates",
    "jobs",
    "signals",
    "reorders",
    "reviews",
    "offers",
    "permits",
    "ledger",
    "webhooks",
    "unsubscribe",
    "withdrawal",
    "answers",
    "recipients",
    "inbox",
    "pilots",
)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
REQUEST_ID = "X-Request-Id"

_DEFAULTS = [(name.lower(), name, value) for name, value in HEADERS.items()]

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def create_app(services: Services) -> Flask:
    """The WSGI application over `services`. Raises RuntimeError for a view that nobody marked with its roles,
    and KeyFileError when the embedded issuer's key cannot be used."""
    app = _Application("service.api", static_folder=None)
    # OPTIONS would answer for every path without a token, and a redirect would repeat the path it got.
    app.config.update(PROVIDE_AUTOMATIC_OPTIONS=False, MAX_FORM_PARTS=0)
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.json = _Json(app)
    app.extensions[EXTENSION] = services
    app.extensions[METRICS] = metrics = Metrics()
    register_problems(app)
    interface = Interface(app, version("samtycke"))
    for noun in NOUNS:
        found: Routes = import_module(f"service.api.{noun}").routes
        interface.register_blueprint(found)
    app.register_blueprint(documentation(interface.spec.to_dict))
    _guard(app, services)
    _follow_up(app, metrics)
    return app


def _guard(app: Flask, services: Services) -> None:
    """Check the token, its role, the body's size and the path before any view."""
    config = services.config
    authenticator = Authenticator(
        trusted_keys(config), issuer=config.issuer, audience=config.audience, clock=services.clock
    )
    checks: dict[str, tuple[frozenset[str], int]] = {}
    for endpoint, view in app.view_functions.items():
        roles = roles_of(view)
        if roles is None:
            raise RuntimeError(f"{endpoint} says neither allow(…) nor public")
        checks[endpoint] = roles, body_limit(view, config)

    @app.before_request
    def check() -> None:
        g.started = time.perf_counter()
        g.request_id = secrets.token_hex(8)
        if request.endpoint is None:
            return
        roles, limit = checks[request.endpoint]
        if roles:
            g.actor = acting(authenticator.actor(request.headers.get("Authorization")), roles)
        request.max_content_length = limit
        for value in (request.view_args or {}).values():
            if isinstance(value, str) and _UNSTORABLE.search(value):
                raise NotFoundError


def _follow_up(app: Flask, metrics: Metrics) -> None:
    """Headers, the access log and the metrics; none of them knows more than the route's template."""
    log = get_logger()

    @app.after_request
    def finish(response: Response) -> Response:
        headers = response.headers
        present = {name.lower() for name, _ in headers}
        for key, name, value in _DEFAULTS:
            # Headers.setdefault looks through all of them each time, which took a fifth of a small request.
            if key not in present:
                headers.add(name, value)
        request_id = g.get("request_id", "")
        headers.add(REQUEST_ID, request_id)
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        template = route()
        metrics.count(template, response.status_code, seconds)
        actor = g.get("actor")
        log.info(
            "request",
            route=template,
            status=response.status_code,
            ms=round(seconds * 1000, 2),
            role="none" if actor is None else actor.role,
            request_id=request_id,
        )
        return response


class _Application(Flask):
    request_class = LimitedRequest

    def log_exception(self, exc_info: Any) -> None:
        """Flask's own would write the path, which may hold anything that somebody typed."""
        get_logger().error("unexpected error", **describe_error(exc_info[1]))


class _Json(JSONProvider):
    """msgspec in the place of Flask's own: it keeps the order of keys and writes instants and ids."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return msgspec.json.encode(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return msgspec.json.decode(s)
