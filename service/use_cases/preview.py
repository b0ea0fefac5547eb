"""What a change of one's choices would do, before it is made: for every programme and category (api.md).

The very functions that make a change make it here, on a copy that nobody keeps; so what is foretold is what
happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

from service.errors import InputFault, InvalidInputError
from service.explanations import explain_reasons, title_of
from service.explanations.names import category_title
from service.policy import LEVEL_NAMES
from service.storage.choices import StoredMandate, decode_choices, encode
from service.storage.products import Product, read_products
from service.storage.subjects import Subject, read_subject
from service.storage.unit import Unit
from service.use_cases.change_preferences import apply_patch, check_patch
from service.use_cases.consent_event import RecordConsent
from service.use_cases.level_grid import Place, Standing, places_of, standings
from service.use_cases.mandate_terms import Limits, check_limits, orderable
from service.use_cases.put_mandate import check_mandate_id, conclude, live_mandate
from service.use_cases.record_consent import apply_answer, check_answer

_SKU = "sku:"


@dataclass(frozen=True, slots=True)
class Changes:
    """`consents` as they would be recorded; `preferences` a merge patch; `mandates` by id, None ends one."""

    consents: Sequence[RecordConsent] = ()
    preferences: Mapping[str, Any] = field(default_factory=dict)
    mandates: Mapping[str, Limits | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One place before and after."""

    place: Place
    before: Standing
    after: Standing


def preview(unit: Unit, subject_id: UUID, changes: Changes) -> tuple[Subject, list[Foreseen]]:
    """The person, and every place with its level before and after. Changes nothing. Raises what making the
    changes would raise."""
    subject = read_subject(unit, subject_id)
    changed = replace(subject, choices=decode_choices(encode(subject.choices)))
    _apply(unit, changed, changes)
    return subject, compare(unit, subject, changed)


def compare(unit: Unit, before: Subject, after: Subject) -> list[Foreseen]:
    """The places of the policy, and of the products that either's mandates name."""
    places = places_of(unit.policy, _mandated(unit, (before, after)))
    grids = [standings(unit.in_force, each.state(unit.now), places, unit.now) for each in (before, after)]
    return [Foreseen(*each) for each in zip(places, *grids, strict=True)]


def show_foreseen(unit: Unit, foreseen: Foreseen, locale: str) -> dict[str, Any]:
    """A place in the shape of the API, its words in the language of `locale`."""
    policy, place, after = unit.policy, foreseen.place, foreseen.after
    product = place.product
    reasons = {"reasons": [reason.to_dict() for reason in after.reasons]}
    return {
        "programme": place.programme,
        "category": place.category,
        "sku": None if product is None else product.sku,
        "titles": {
            "programme": title_of(policy, "programmes", place.programme, locale),
            "category": category_title(policy, place.category, locale) if product is None else product.name,
            "before": title_of(policy, "levels", LEVEL_NAMES[foreseen.before.level], locale),
            "after": title_of(policy, "levels", LEVEL_NAMES[after.level], locale),
        },
        "before": LEVEL_NAMES[foreseen.before.level],
        "after": LEVEL_NAMES[after.level],
        "limited_by": [
            {"strategy": reason["strategy"], "code": reason["code"], "on": reason["on"] or None}
            for reason in reasons["reasons"]
        ],
        "explanation": explain_reasons(reasons, policy, locale),
        "data": list(after.data),
        "may_charge": after.may_charge,
    }


def _apply(unit: Unit, subject: Subject, changes: Changes) -> None:
    for number, command in enumerate(changes.consents):
        try:
            since = check_answer(unit, command)
        except InvalidInputError as error:
            raise _below(f"/changes/consents/{number}", error) from None
        apply_answer(unit, subject, command, since)
    try:
        check_patch(unit.policy, subject.choices, changes.preferences)
    except InvalidInputError as error:
        raise _below("/changes/preferences", error) from None
    apply_patch(subject.choices, changes.preferences)
    for mandate_id, limits in changes.mandates.items():
        check_mandate_id(mandate_id)
        if limits is None:
            live_mandate(subject, mandate_id).deleted_at = unit.now
        else:
            try:
                check_limits(unit, limits)
                orderable(unit, limits.covers)
            except InvalidInputError as error:
                raise _below(f"/changes/mandates/{mandate_id}", error) from None
            agreed = StoredMandate(**asdict(limits), id=mandate_id, since=unit.now)
            conclude(subject, agreed, unit.now)


def _mandated(unit: Unit, subjects: Iterable[Subject]) -> list[Product]:
    """The products that have a mandate of their own, in one query."""
    covered = {mandate.covers for each in subjects for mandate in each.choices.mandates}
    skus = sorted(covers.removeprefix(_SKU) for covers in covered if covers.startswith(_SKU))
    found = read_products(unit.db, skus) if skus else {}
    return [found[sku] for sku in skus if sku in found]


def _below(pointer: str, error: InvalidInputError) -> InvalidInputError:
    return InvalidInputError([InputFault(pointer + fault.pointer, fault.message) for fault in error.faults])
