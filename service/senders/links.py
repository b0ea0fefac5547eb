"""The way out of a contract, put beside what is said of an order: to the customer, and to the shop, whose
delivery note can carry it too (law.md A8). It is made for each attempt and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from service.errors import NotFoundError, UnavailableError
from service.ids import REORDER, read
from service.senders import Fate, Parcel, Sender, Sent

# What belongs to a contract that was concluded; a reminder's order is not one yet.
OF_CONTRACTS = frozenset({"reorder.announced", "reorder.dispatched"})
FIELD = "withdraw_url"


class WithWithdrawal:
    """Sends by `sender`, with the address of the withdrawal function in `withdraw_url`."""

    def __init__(self, sender: Sender, public_url: str, token: Callable[[UUID], str]) -> None:
        self._sender, self._public_url, self._token = sender, public_url, token

    def send(self, parcel: Parcel) -> Sent:
        if parcel.kind in OF_CONTRACTS and "reorder" in parcel.content:
            try:
                token = self._token(read(REORDER, str(parcel.content["reorder"])))
            except UnavailableError:
                return Sent(Fate.retry, "the keys cannot be reached")
            except NotFoundError:
                return Sent(Fate.refused, "it names no reorder")
            parcel = replace(
                parcel, content={**parcel.content, FIELD: f"{self._public_url}/withdraw/{token}"}
            )
        return self._sender.send(parcel)
