"""Every route with its sender, put together from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from service.bootstrap import Services
from service.config import Config
from service.crypto.reorder_link import seal_link
from service.crypto.unsubscribe_token import seal_token
from service.senders import Fate, Parcel, Sender, Sent
from service.senders.email import CHANNEL, EmailSender
from service.senders.endpoints import RegisteredEndpoints
from service.senders.guard import Allowed, Guard
from service.senders.inbox import InboxSender
from service.senders.links import WithLinks
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
    reached: dict[str, Sender] = {
        "email": _email(config, services),
        "inbox": InboxSender(services),
        **{
            route: WebhookSender(endpoints, guard, source, route=route, clock=services.clock)
            for route in ROUTES
        },
    }
    public_url = config.public_url
    if public_url is not None:
        seal = partial(seal_link, services.index)
        reached = {route: WithLinks(each, public_url, seal) for route, each in reached.items()}
    return {**reached, "webhook": WebhookSender(endpoints, guard, source, clock=services.clock)}


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
