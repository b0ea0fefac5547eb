"""What "I have plenty" means: the stock lasts longer than was foreseen, and nobody asks again at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from service.storage.reorders import Reorder, ReorderDetails

HAVE_PLENTY = "have_plenty"
# However the forecast takes it, whoever said so is left alone for so long.
_REST = timedelta(days=14)


def plenty_of(known: Sequence[Reorder], sku: str) -> list[datetime]:
    """When the person said so of a product, oldest first."""
    found = (reorder.details for reorder in known)
    return sorted(
        step.at
        for details in found
        if details is not None and details.candidate.sku == sku
        for step in details.history
        if step.reason == HAVE_PLENTY
    )


def said_plenty(details: ReorderDetails) -> bool:
    """Whether this is how the reorder ended."""
    return details.history[-1].reason == HAVE_PLENTY


def rests_until(plenty: Sequence[datetime], anchor: datetime) -> datetime | None:
    """Until when not to propose what was last filled up at `anchor`; None: nobody has said so since."""
    since = [at for at in plenty if at >= anchor]
    return max(since) + _REST if since else None
