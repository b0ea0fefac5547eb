"""Endpoints of webhooks as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields, validate

from schemas.base import Shape
from schemas.fields import Id, Instant, OneOf, Text
from service.ids import ENDPOINT
from service.senders.guard import LONGEST_URL
from service.use_cases.register_webhook import ROUTES, TYPES

_MOST = len(TYPES)


class NewWebhookShape(Shape):
    """POST /v1/webhooks: where to, and either which events or the route that it stands for."""

    name = Text(1, 200, required=True)
    url = Text(1, LONGEST_URL, required=True, metadata={"description": "https, a public address"})
    types = fields.List(
        OneOf(TYPES), validate=validate.Length(min=1, max=_MOST, error=f"must have 1 to {_MOST} types")
    )
    route = OneOf(ROUTES, metadata={"description": "It is how this is sent: acted upon, not only told"})
    purpose = Text(1, 200, metadata={"description": "It is told only of changes that concern this purpose"})
    recipient = Text(1, 200, metadata={"description": "The policy's name of whom it stands for (Art. 19)"})


class WebhookShape(Shape):
    id = Id(ENDPOINT)
    name = fields.String()
    url = fields.String()
    types = fields.List(fields.String())
    route = fields.String(allow_none=True)
    purpose = fields.String(allow_none=True)
    recipient = fields.String()
    state = fields.String(metadata={"enum": ["active", "disabled"]})
    created_at = Instant()
    changed_at = Instant()


class WebhookMadeShape(WebhookShape):
    secret = fields.String(metadata={"description": "Shown this once: whsec_ and base64"})


class WebhooksShape(Shape):
    items = fields.List(fields.Nested(WebhookShape))
