"""Register an endpoint of webhooks, give it another secret, and take it away again."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from service.errors import ConflictError, InputFault, InvalidInputError
from service.ids import new_id
from service.senders.guard import AddressRefusedError, Guard
from service.storage.endpoints import (
    ACTIVE,
    REMOVED,
    EndpointDetails,
    Secret,
    StoredEndpoint,
    hold_endpoints,
    insert_endpoint,
    lock_endpoint,
    read_endpoints,
    save_endpoint,
)
from service.storage.unit import Unit

TYPES = (
    *("consent.changed", "preferences.changed", "subject.erased"),
    *("reminder.due", "reorder.announced", "reorder.dispatched", "reorder.cancelled"),
    *("reorder.withdrawn", "request.*"),
)
ROUTES = ("sms", "push", "order")
# For so long after a rotation the secret before signs too.
OVERLAP = timedelta(hours=24)
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class RegisterWebhook:
    """`types` may be empty for the endpoint of a route. Without a `recipient` it stands for its name."""

    name: str
    url: str
    types: Sequence[str] = ()
    route: str | None = None
    purpose: str | None = None
    recipient: str | None = None


def register_webhook(unit: Unit, guard: Guard, command: RegisterWebhook) -> tuple[StoredEndpoint, str]:
    """The endpoint, and its secret, which is shown this once. Raises InvalidInputError, and ConflictError
    where another endpoint has the route or stands for the recipient: who has been told must be clear."""
    _check(unit, guard, command)
    recipient = command.recipient or command.name
    hold_endpoints(unit)
    for other in read_endpoints(unit.db, unit.keyring, ACTIVE):
        if command.route is not None and other.route == command.route:
            raise ConflictError("another endpoint stands for this route", route=command.route)
        if command.types and other.types and other.details.recipient == recipient:
            raise ConflictError("another endpoint stands for this recipient")
    secret = new_secret()
    details = EndpointDetails(command.name, recipient, command.url, command.purpose, [Secret(secret)])
    return insert_endpoint(unit, new_id(), sorted(set(command.types)), command.route, details), secret


def rotate_secret(unit: Unit, endpoint_id: UUID) -> tuple[StoredEndpoint, str]:
    """A new secret; the one before signs too for OVERLAP, and those before it no more. Raises
    NotFoundError."""
    endpoint = lock_endpoint(unit, endpoint_id)
    before, secret = endpoint.details.secrets[0], new_secret()
    endpoint.details.secrets = [Secret(secret), Secret(before.text, unit.now + OVERLAP)]
    save_endpoint(unit, endpoint)
    return endpoint, secret


def remove_webhook(unit: Unit, endpoint_id: UUID) -> None:
    """Nothing goes there any more. Its name stays, for what it was told and was not. Raises NotFoundError."""
    endpoint = lock_endpoint(unit, endpoint_id)
    endpoint.state = REMOVED
    endpoint.details = EndpointDetails(endpoint.details.name, endpoint.details.recipient)
    save_endpoint(unit, endpoint)


def new_secret() -> str:
    """As Standard Webhooks writes a symmetric secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _check(unit: Unit, guard: Guard, command: RegisterWebhook) -> None:
    faults = []
    if not command.types and command.route is None:
        faults.append(InputFault("/types", "name types of events, or the route that it stands for"))
    if command.purpose is not None and command.purpose not in unit.policy.purposes:
        faults.append(InputFault("/purpose", "the policy has no such purpose"))
    try:
        guard.check(command.url)
    except AddressRefusedError as error:
        faults.append(InputFault("/url", str(error)))
    if faults:
        raise InvalidInputError(faults)
