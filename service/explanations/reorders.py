"""Why a reorder waits, was given up, or is asked about again, in words."""

from __future__ import annotations

from service.explanations.catalogue import has_sentence, sentence

# Codes of the gate's reasons about a standing order begin so.
_MANDATE = "mandate_"


def explain_step(state: str, reason: str, locale: str) -> str | None:
    """What a step in the life of a reorder means to the person; None where the state says it all."""
    name = f"reorder.{state}.{reason}"
    return sentence(locale, name) if has_sentence(name) else None


def explain_asking(reason: str, locale: str) -> str:
    """Why an order that was to leave by itself has become a question: the code of what kept it."""
    name = f"reorder.asked.{reason}"
    if not has_sentence(name):
        name = "reorder.asked.mandate" if reason.startswith(_MANDATE) else "reorder.asked.other"
    return sentence(locale, name)
