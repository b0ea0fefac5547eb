"""A decision in words: what was permitted, every reason, and what the customer could change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from service.explanations.amounts import show_moment, show_money
from service.explanations.catalogue import has_sentence, sentence
from service.explanations.names import category_title, title_of
from service.policy import LEVELS, Level, Policy

# The part of the policy that a reason's `on` names; what stands in none of them is not shown by name.
_KINDS = (
    (("objected", "consent_"), "purposes"),
    (("data_",), "data"),
    (("strategy_", "rollout_", "programme_"), "programmes"),
    (("suppressed",), "suppressions"),
    (("channel_", "frequency_cap", "contact_limit", "quiet_hours"), "channels"),
    (("category_", "age_", "control_level"), "categories"),
)

_Shape = Mapping[str, Any]


def explain(
    decision: _Shape,
    policy: Policy,
    locale: str,
    *,
    timezone: str = "UTC",
    candidate: _Shape | None = None,
) -> list[str]:
    """The outcome in one sentence or two, then every reason, once, with what the customer could change.

    `decision` is in the shape of `Decision.to_dict`. With its `candidate` (programme, quantity, price_minor,
    currency) a warning about safety is called one, and an amount is named where it is the reason.
    """
    outcome = explain_outcome(decision, policy, locale, timezone=timezone, candidate=candidate)
    return [outcome, *explain_reasons(decision, policy, locale, candidate=candidate)]


def explain_outcome(
    decision: _Shape,
    policy: Policy,
    locale: str,
    *,
    timezone: str = "UTC",
    candidate: _Shape | None = None,
) -> str:
    """What may be done, on which channel and from when."""
    outcome, strategy, channel = decision["outcome"], decision["strategy"], decision["channel"]
    if outcome == "deny":
        return sentence(locale, "outcome.deny")
    values = {"channel": title_of(policy, "channels", channel or "", locale)}
    if outcome == "defer":
        from_then = datetime.fromisoformat(decision["not_before"])
        values["when"] = show_moment(from_then, locale, timezone)
    programme = policy.programmes.get((candidate or {}).get("programme") or "")
    kind = "essential" if programme is not None and programme.essential else strategy
    name = f"outcome.{outcome}.{kind}"
    return sentence(locale, name if has_sentence(name) else f"outcome.{outcome}.{strategy}", values)


def explain_reasons(
    decision: _Shape, policy: Policy, locale: str, *, candidate: _Shape | None = None
) -> list[str]:
    """Every reason with its remedy, once: one that blocked several rungs is told for the lowest. Those of the
    lowest rung come first, since what frees that one is the least the customer would have to change."""
    lowest = {(reason["code"], reason["on"]): reason for reason in decision["reasons"]}
    nearest = sorted(lowest.values(), key=lambda reason: LEVELS.get(reason["strategy"], Level.off))
    told = (_explain_reason(reason, policy, locale, candidate or {}) for reason in nearest)
    return list(dict.fromkeys(told))


def explain_stage(stage: str, locale: str) -> str:
    """What marketing may know of why something was withheld. KeyError: no such stage."""
    return sentence(locale, f"stage.{stage}")


def _explain_reason(reason: _Shape, policy: Policy, locale: str, candidate: _Shape) -> str:
    code, on, rung = reason["code"], reason["on"], reason["strategy"]
    values: dict[str, object] = {"on": _name(policy, code, on, locale)}
    if rung is not None:
        values["rung"] = title_of(policy, "levels", rung, locale)
    name = f"reason.{code}"
    if code == "control_level" and on == "default":
        name += ".default"
    elif code == "age_limit":
        values["age"] = _min_age(policy, on)
    elif code == "mandate_price" and _is_priced(candidate):
        name += ".amount"
        total = candidate["price_minor"] * candidate["quantity"]
        values["amount"] = show_money(total, candidate["currency"], locale)
    remedy = reason["remedy"]
    told = sentence(locale, name, values)
    return told if remedy is None else f"{told} {_explain_remedy(remedy, policy, locale)}"


def _explain_remedy(remedy: _Shape, policy: Policy, locale: str) -> str:
    name = f"remedy.{remedy['do']}"
    if remedy.get("explicit"):
        name += ".explicit"
    values = {}
    if remedy["do"] == "raise_level":
        values["on"] = category_title(policy, remedy["on"], locale)
        values["to"] = title_of(policy, "levels", remedy["to"], locale)
    return sentence(locale, name, values)


def _name(policy: Policy, code: str, on: str | None, locale: str) -> str:
    kind = next((kind for heads, kind in _KINDS if _starts(code, heads)), None)
    if kind is None or on is None:
        return ""
    if kind == "categories":
        return category_title(policy, on, locale)
    return title_of(policy, kind, on, locale)


def _min_age(policy: Policy, on: str) -> object:
    # A recorded decision may be told under a later policy, which no longer has the limit.
    category = policy.categories.get(on)
    return "…" if category is None else category.min_age


def _starts(code: str, heads: Iterable[str]) -> bool:
    return code.startswith(tuple(heads))


def _is_priced(candidate: _Shape) -> bool:
    return all(candidate.get(key) is not None for key in ("price_minor", "quantity", "currency"))
