"""Put something into the outbox. The outbox is made elsewhere; this module stands for its one function that
events need, and goes when it is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from service.storage.unit import Unit


def queue_event(unit: Unit, subject_id: UUID, endpoint_id: UUID, event: Mapping[str, Any]) -> UUID:
    """Queue a webhook in the unit's transaction; the message's id, which is its key too. `event` has `type`,
    and in `content` what a parcel's content shall be. It may be about an erased subject, whose key is gone,
    or, when an erasure is replayed, about one that this copy of the database never knew: what it then says is
    no more than the opaque id."""
    raise NotImplementedError
