"""The links in what is said of a reorder: where to answer it, and the way out of its contract (law.md A8),
which the shop's delivery note can carry too. They are made for each attempt and kept nowhere.

Whoever has a link can use it, so it goes to the person, and the one of withdrawal to the shop; a subscriber
to events gets none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

from service.crypto.reorder_link import ANSWER, WITHDRAW
from service.errors import NotFoundError, UnavailableError
from service.ids import REORDER, read
from service.senders import Fate, Parcel, Sender, Sent

ANSWER_FIELD, WITHDRAW_FIELD = "url", "withdraw_url"
PATHS = MappingProxyType({ANSWER: "order", WITHDRAW: "withdraw"})
# A reminder's order is no contract yet, and a dispatched one cannot be answered any more.
_LINKS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "reminder.due": {ANSWER_FIELD: ANSWER},
        "reorder.announced": {ANSWER_FIELD: ANSWER, WITHDRAW_FIELD: WITHDRAW},
        "reorder.dispatched": {WITHDRAW_FIELD: WITHDRAW},
    }
)


class WithLinks:
    """Sends by `sender`, with the links that belong to the kind of parcel. `seal` makes the token of a kind
    for a reorder."""

    def __init__(self, sender: Sender, public_url: str, seal: Callable[[str, UUID], str]) -> None:
        self._sender, self._public_url, self._seal = sender, public_url, seal

    def send(self, parcel: Parcel) -> Sent:
        kinds = _LINKS.get(parcel.kind, {}) if "reorder" in parcel.content else {}
        try:
            links = {field: self._link(kind, str(parcel.content["reorder"])) for field, kind in kinds.items()}
        except UnavailableError:
            return Sent(Fate.retry, "the keys cannot be reached")
        except NotFoundError:
            return Sent(Fate.refused, "it names no reorder")
        return self._sender.send(replace(parcel, content={**parcel.content, **links}))

    def _link(self, kind: str, reorder: str) -> str:
        return f"{self._public_url}/{PATHS[kind]}/{self._seal(kind, read(REORDER, reorder))}"
