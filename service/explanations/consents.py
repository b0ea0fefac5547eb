"""One purpose, and how the customer's consent to it stands."""

from __future__ import annotations

from datetime import datetime

from service.explanations.amounts import show_date
from service.explanations.catalogue import has_sentence, sentence
from service.explanations.names import title_of
from service.policy import Policy


def explain_consent(
    status_code: str,
    purpose: str,
    policy: Policy,
    locale: str,
    *,
    expires_at: datetime | None = None,
    may_ask_from: datetime | None = None,
    timezone: str = "UTC",
) -> str:
    """A sentence or two about one purpose for the customer. `status_code` is what `consent_status` answers.

    `expires_at` is told for a consent in force, `may_ask_from` for a refusal. A status without a sentence
    is told as one that was never asked about: it permits as little.
    """
    name = f"status.{status_code}"
    if status_code == "not_needed" and purpose in policy.purposes:
        of_basis = f"{name}.{policy.purposes[purpose].basis}"
        name = of_basis if has_sentence(of_basis) else name
    if not has_sentence(name):
        name = "status.unknown"
    sentences = [sentence(locale, name, {"name": title_of(policy, "purposes", purpose, locale)})]
    if expires_at is not None and status_code == "given":
        sentences.append(sentence(locale, "status.until", {"date": show_date(expires_at, locale, timezone)}))
    if may_ask_from is not None:
        day = show_date(may_ask_from, locale, timezone)
        sentences.append(sentence(locale, "status.not_before", {"date": day}))
    return " ".join(sentences)
