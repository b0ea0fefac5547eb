"""The words that acknowledge a withdrawal from a contract (CRD 11a(4)): what was said, and when. Ready text
for a letter of any route; what was ordered is not in it, for the address may be anybody's."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from service.explanations.amounts import show_moment
from service.explanations.catalogue import Catalogue

_WORDS = Catalogue(Path(__file__).parent / "catalogues")


def acknowledgement(
    locale: str,
    *,
    reorder: str,
    at: datetime,
    timezone: str,
    name: str,
    contact: str | None,
    cancelled: bool,
    sealed: bool,
) -> dict[str, str]:
    """{`subject`, `body`}. `cancelled`: nothing had been sent yet. `sealed`: it can come back only with its
    seal whole. `name` and `contact` are one line each."""
    values = {
        "reorder": reorder,
        "moment": show_moment(at, locale, timezone),
        "name": name,
        "contact": contact or "",
    }
    parts = ["what", "name"]
    parts += [] if contact is None else ["contact"]
    parts += ["cancelled"] if cancelled else ["return", *(["sealed"] if sealed else []), "refund"]

    def said(part: str) -> str:
        return _WORDS.sentence(locale, f"withdrawal.{part}", values)

    return {"subject": said("subject"), "body": "\n\n".join(said(part) for part in parts)}
