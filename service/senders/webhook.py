"""Webhooks: CloudEvents 1.0 in structured JSON, signed as Standard Webhooks asks.

The receiver deduplicates by `webhook-id`, which is the parcel's key, so whatever is not certain may be tried
again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from standardwebhooks import Webhook

from service.errors import NotFoundError, UnavailableError
from service.ids import ENDPOINT, read
from service.senders import Fate, Parcel, Sent
from service.senders.cloud_event import MEDIA_TYPE, body_of
from service.senders.guard import AddressRefusedError, Guard, UnresolvedError
from service.senders.http import NoAnswerError, Reply, post

SECONDS = 15.0
# What says that this very message will never be taken. Anything else may be a mistake that somebody mends.
_NEVER = frozenset({400, 410, 413, 415, 422})
_GONE = 410


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to, and the secrets that sign just now, the newest first."""

    id: UUID
    url: str
    secrets: tuple[str, ...]


class Endpoints(Protocol):
    """The registered endpoints. Each call may raise UnavailableError."""

    def find(self, endpoint: UUID) -> Endpoint | None:
        """None for one that is not there, or disabled."""
        ...

    def find_route(self, route: str) -> Endpoint | None:
        """The endpoint that is the route for `sms`, `push` or `order`."""
        ...

    def disable(self, endpoint: UUID) -> None:
        """It said that it is gone."""
        ...


class WebhookSender:
    """With `route`, it sends what has this route to the one endpoint that stands for it; without, `to` of a
    parcel names the endpoint. `source` is what events say about where they come from."""

    def __init__(
        self,
        endpoints: Endpoints,
        guard: Guard,
        source: str,
        *,
        route: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = SECONDS,
    ) -> None:
        self._endpoints, self._guard, self._source = endpoints, guard, source
        self._route, self._clock, self._seconds = route, clock, seconds

    def send(self, parcel: Parcel) -> Sent:
        try:
            endpoint = self._endpoint(parcel)
        except UnavailableError:
            return Sent(Fate.retry, "the endpoint cannot be looked up")
        if endpoint is not None:
            return self._post(parcel, endpoint)
        if self._route is not None:
            # As with mail before there is a relay: it goes out once somebody has registered one.
            return Sent(Fate.retry, "no endpoint stands for this route")
        return Sent(Fate.refused, "there is no such endpoint, or it is disabled")

    def _post(self, parcel: Parcel, endpoint: Endpoint) -> Sent:
        body = body_of(parcel, self._source)
        now = self._clock()
        headers = signed_headers(parcel.key, body, endpoint.secrets, now)
        try:
            reply = post(self._guard, endpoint.url, body, headers, seconds=self._seconds, now=now)
        except AddressRefusedError as error:
            return Sent(Fate.refused, str(error))
        except UnresolvedError:
            return Sent(Fate.retry, "the endpoint's name cannot be resolved")
        except NoAnswerError as error:
            return Sent(Fate.retry, str(error))
        if reply.status == _GONE:
            # If that cannot be noted now, the next attempt of anything will tell again.
            with suppress(UnavailableError):
                self._endpoints.disable(endpoint.id)
        return _fate(reply)

    def _endpoint(self, parcel: Parcel) -> Endpoint | None:
        if self._route is not None:
            return self._endpoints.find_route(self._route)
        try:
            return self._endpoints.find(read(ENDPOINT, parcel.to))
        except NotFoundError:
            return None


def signed_headers(key: str, body: bytes, secrets: tuple[str, ...], now: datetime) -> dict[str, str]:
    """One signature for each secret: a receiver that has either of them can check."""
    at = now.astimezone(UTC)
    signatures = [Webhook(secret).sign(key, at, body.decode()) for secret in secrets]
    return {
        "Content-Type": MEDIA_TYPE,
        "User-Agent": "samtycke",
        "webhook-id": key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _fate(reply: Reply) -> Sent:
    why = f"answered {reply.status}"
    if 200 <= reply.status < 300:
        return Sent(Fate.delivered, why)
    if reply.status in _NEVER:
        return Sent(Fate.refused, why)
    return Sent(Fate.retry, why, reply.after)
