"""Every route says who may call it, and the ones open to everybody are few and known by name."""

from __future__ import annotations

import pytest
from flask import Blueprint

from service.api import app as api_app
from service.api.auth import PUBLIC, roles_of
from tests.api.helpers import Installation
from tests.guards.calls import CALLS, rules_of

# Nothing here tells anything about anybody.
OPEN = {
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /docs",
    "GET /docs/<name>",
    # Whoever holds the letter; the page says nothing about whose it is.
    "GET /u/<token>",
    "POST /u/<token>",
    "GET /withdraw/<link>",
    "POST /withdraw/<link>",
    "GET /order/<order_link>",
    "POST /order/<order_link>",
}


def test_every_route_is_marked_and_the_public_ones_are_these(there: Installation) -> None:
    public = set()
    for rule in there.app.url_map.iter_rules():
        roles = roles_of(there.app.view_functions[rule.endpoint])
        assert roles is not None, rule
        if roles == PUBLIC:
            public |= {f"{method} {rule.rule}" for method in (rule.methods or set()) - {"HEAD"}}
    assert public == OPEN


def test_every_route_has_a_valid_request_to_start_from(there: Installation) -> None:
    rules = rules_of(there)
    assert len(rules) == len(set(rules))
    assert set(rules) == set(CALLS)


def test_no_route_answers_a_method_that_nobody_wrote(there: Installation) -> None:
    """OPTIONS made by the framework would answer for every path without a token."""
    methods = {method for rule in there.app.url_map.iter_rules() for method in rule.methods or ()}
    assert methods == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}


def test_a_view_that_nobody_marked_stops_the_start(
    there: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_a_stray(_describe: object) -> Blueprint:
        blueprint = Blueprint("stray", __name__)
        blueprint.add_url_rule("/stray", "stray", lambda: "hello")
        return blueprint

    monkeypatch.setattr(api_app, "documentation", with_a_stray)
    with pytest.raises(RuntimeError, match=r"stray\.stray"):
        api_app.create_app(there.services)
