"""Endpoints of webhooks: whom events go to, and by which endpoint a channel is served."""

from __future__ import annotations

from typing import Any

from flask import Response

from schemas.webhooks import NewWebhookShape, WebhookMadeShape, WebhooksShape
from service import ids
from service.api import idempotency
from service.api.auth import allow
from service.api.context import services, unit
from service.api.idempotency import idempotent
from service.api.openapi import Routes
from service.senders.guard import Allowed, Guard
from service.storage.endpoints import ACTIVE, DISABLED, StoredEndpoint, read_endpoints
from service.use_cases.register_webhook import (
    RegisterWebhook,
    register_webhook,
    remove_webhook,
    rotate_secret,
)

routes = Routes("webhooks", "Events out: signed webhooks")


@routes.post("/webhooks")
@routes.answer(201, WebhookMadeShape)
@routes.header(idempotency.HEADER, idempotency.DESCRIPTION)
@routes.body(NewWebhookShape)
@allow("admin")
def register(body: dict[str, Any]) -> Response:
    """Register an endpoint. The secret that signs is in this answer and in no other."""
    guard = Guard(Allowed.parse(services().config.webhook_allow))
    with unit() as u:

        def make() -> tuple[int, dict[str, Any], None]:
            made, secret = register_webhook(u, guard, RegisterWebhook(**body))
            return 201, _shown(made, secret), None

        return idempotent(u, make)


@routes.get("/webhooks")
@routes.answer(200, WebhooksShape)
@allow("admin")
def list_all() -> dict[str, Any]:
    """Every endpoint, oldest first. One that answered 410 is disabled."""
    with unit() as u:
        found = read_endpoints(u.db, u.keyring, ACTIVE, DISABLED)
    return {"items": [_show(endpoint) for endpoint in found]}


@routes.delete("/webhooks/<webhook>")
@routes.answer(204, description="Nothing goes there any more")
@allow("admin")
def remove(webhook: str) -> Response:
    """Take an endpoint away, with its secrets."""
    with unit() as u:
        remove_webhook(u, ids.read(ids.ENDPOINT, webhook))
    return Response(status=204)


@routes.post("/webhooks/<webhook>/rotate")
@routes.answer(200, WebhookMadeShape)
@allow("admin")
def rotate(webhook: str) -> dict[str, Any]:
    """Another secret. For a day both sign; a second rotation ends the older one at once."""
    with unit() as u:
        return _show(*rotate_secret(u, ids.read(ids.ENDPOINT, webhook)))


def _shown(endpoint: StoredEndpoint, secret: str) -> dict[str, Any]:
    shown: dict[str, Any] = WebhookMadeShape().dump(_show(endpoint, secret))
    return shown


def _show(endpoint: StoredEndpoint, secret: str | None = None) -> dict[str, Any]:
    details = endpoint.details
    shown = {
        "id": endpoint.id,
        "name": details.name,
        "url": details.url,
        "types": endpoint.types,
        "route": endpoint.route,
        "purpose": details.purpose,
        "recipient": details.recipient,
        "state": endpoint.state,
        "created_at": endpoint.created_at,
        "changed_at": endpoint.changed_at,
    }
    return shown if secret is None else shown | {"secret": secret}
