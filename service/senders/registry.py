"""Every route with its sender, put together from the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from service.bootstrap import Services
from service.config import Config
from service.crypto.unsubscribe_token import seal_token
from service.crypto.withdrawal_token import seal_link
from service.senders import Fate, Parcel, Sender, Sent
from service.senders.email import CHANNEL, EmailSender
from service.senders.endpoints import RegisteredEndpoints
from service.senders.guard import Allowed, Guard
from service.senders.inbox import InboxSender
from service.senders.links import WithWithdrawal
from service.senders.webhook import WebhookSender
from service.use_cases.register_webhook import ROUTES

# What events say about where they come from, where the installation has no address of its own.
_NOWHERE = "urn:samtycke"


class NotSetUp:
    """Stands for a route that the configuration does not serve yet: what waits goes out once it does."""

    def __init__(self, why: str) -> None:
        self._why = why

    def send(self, _parcel: Parcel) -> Sent:
        return Sent(Fate.retry, self._why)


def senders(config: Config, services: Services) -> Mapping[str, Sender]:
    """By route: `email`, `inbox`, `webhook`; `sms`, `push`, `order` by the endpoint that stands for each."""
    endpoints, guard = RegisteredEndpoints(services), Guard(Allowed.parse(config.webhook_allow))
    source = config.public_url or _NOWHERE
    acting: dict[str, Sender] = {
        route: WebhookSender(endpoints, guard, source, route=route, clock=services.clock) for route in ROUTES
    }
    out: dict[str, Sender] = {
        "email": _email(config, services),
        "inbox": InboxSender(services),
        "webhook": WebhookSender(endpoints, guard, source, clock=services.clock),
        **acting,
    }
    public_url = config.public_url
    if public_url is None:
        return out
    return {route: WithWithdrawal(each, public_url, _link(services)) for route, each in out.items()}


def _link(services: Services) -> Callable[[UUID], str]:
    return lambda reorder: seal_link(services.index, reorder)


def _email(config: Config, services: Services) -> Sender:
    if config.smtp_url is None or config.mail_from is None or config.public_url is None:
        return NotSetUp("e-mail needs SAMTYCKE_SMTP_URL, SAMTYCKE_MAIL_FROM and SAMTYCKE_PUBLIC_URL")
    return EmailSender(
        config.smtp_url,
        config.mail_from,
        config.public_url,
        lambda subject: seal_token(services.index, subject, CHANNEL),
        clock=services.clock,
    )
