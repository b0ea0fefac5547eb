"""The candidate that a run-out becomes, and the cycle that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from service.policy import REASON_CODES, Candidate, Level, Policy, Programme
from service.storage.choices import Choices
from service.storage.reorders import Reorder, ReorderDetails
from service.use_cases.foresee_run_outs import Foreseen


def reorder_candidate(
    policy: Policy, programme: Programme, choices: Choices, foreseen: Foreseen, candidate: str
) -> Candidate:
    """What is asked of the gate, under the id `candidate`: to ship where the forecast is certain enough, else
    to remind."""
    product, ends = foreseen.product, foreseen.run_out
    ships = ends is not None and ends.may_ship and Level.automate in programme.ladder
    return Candidate(
        id=candidate,
        programme=programme.name,
        strategy=Level.automate if ships else Level.coach,
        category=product.category,
        sku=product.sku,
        channels=chosen_channels(policy, choices),
        data=foreseen.data,
        quantity=min(foreseen.quantity, product.limit_per_order or foreseen.quantity),
        price_minor=product.price_minor,
        currency=product.currency,
    )


def chosen_channels(policy: Policy, choices: Choices) -> tuple[str, ...]:
    """What the person switched on, then what needs no opt-in. All, if none is left: the gate says why not."""
    chosen = [name for name, on in choices.channels.items() if on and name in policy.channels]
    free = [n for n, channel in policy.channels.items() if not channel.opt_in and n not in choices.channels]
    return tuple(chosen + free) or tuple(policy.channels)


def cycle_of(foreseen: Foreseen) -> str:
    """Names the stock that runs out: the product, and when it was last filled up."""
    assert foreseen.run_out is not None
    return f"{foreseen.product.sku}|{foreseen.run_out.anchor.isoformat()}"


def next_attempt(cycle: str, known: Sequence[Reorder]) -> str | None:
    """What makes a proposal for `cycle` unique; None if it has had its proposal.

    One that a change of choices cancelled before the person heard of it may be proposed anew, on the rung
    that is left; whatever the person was told of, or decided, is not repeated (P4).
    """
    before = [r.details for r in known if r.details is not None and r.details.cycle == cycle]
    if not all(_unheard(details) for details in before):
        return None
    return f"{cycle}|{len(before)}"


def _unheard(details: ReorderDetails) -> bool:
    return details.history[-1].reason in REASON_CODES and all(
        step.state in ("proposed", "held", "cancelled") for step in details.history
    )
