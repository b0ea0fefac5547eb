"""Change a subject's preferences by a merge patch (RFC 7396)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from service.errors import InputFault, InvalidInputError
from service.instants import show_instant
from service.policy import Level, Policy
from service.storage.choices import Choices, StoredQuiet
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.apply_flags import in_force, situations
from service.use_cases.change import Changed, commit_change
from service.use_cases.confirm_raise import confirm_raise
from service.use_cases.level_changes import copy_of

FIELDS = (
    "locale",
    "timezone",
    "sharing",
    "levels",
    "channels",
    "quiet",
    "max_per_week",
    "paused_until",
    "situations",
)


def show_preferences(subject: Subject) -> dict[str, Any]:
    """The preferences as a client sees and patches them."""
    choices = subject.choices
    return {
        "locale": choices.locale,
        "timezone": choices.timezone,
        "sharing": dict(choices.sharing),
        "levels": dict(choices.levels),
        "channels": dict(choices.channels),
        "quiet": None if choices.quiet is None else {"from": choices.quiet.start, "to": choices.quiet.end},
        "max_per_week": choices.max_per_week,
        "paused_until": None if choices.paused_until is None else show_instant(choices.paused_until),
    }


def show_situations(unit: Unit, subject: Subject) -> dict[str, Any]:
    """The situations in force, each with its end."""
    found = in_force(unit.policy, subject, unit.now)
    shown = {name: None if ends is None else show_instant(ends) for name, ends in found.items()}
    return {"situations": shown}


def change_preferences(
    unit: Unit,
    subject_id: UUID,
    patch: Mapping[str, Any],
    check_epoch: Callable[[int], None] | None = None,
    confirmation: str | None = None,
) -> tuple[Subject, Changed | None]:
    """The subject after `patch`, and what the change did; None when it changed nothing.

    `patch` holds some of FIELDS, typed by its schema (`paused_until` an aware datetime). Within
    `sharing`, `levels` and `channels` a null takes the entry away. In `situations` there is nothing but null,
    which ends one early: what sets one is a signal, which needs a purpose. `check_epoch` is called under the
    lock with the epoch found, and raises when the caller has not seen it. Raises InvalidInputError for names
    that the policy does not know and for a channel that needs an opt-in with its notice, and
    ConfirmationRequiredError for a level that is raised to automate without a `confirmation` of exactly that,
    where the policy asks for one.
    """
    _check_names(unit.policy, patch)
    subject = lock_subject(unit, subject_id)
    if check_epoch is not None:
        check_epoch(subject.epoch)
    _check_channels(unit.policy, subject.choices, patch)
    found, before = copy_of(subject), show_preferences(subject) | show_situations(unit, subject)
    apply_patch(subject.choices, patch)
    if "situations" in patch:
        _end_situations(unit, subject, patch["situations"])
    after = show_preferences(subject) | show_situations(unit, subject)
    if after == before:
        return subject, None
    was = {field: before[field] for field in FIELDS if before[field] != after[field]}
    now = {field: after[field] for field in was}
    payload = {"kind": "preferences", "before": was, "after": now}
    if "levels" in was and unit.actor.has("customer"):
        payload |= confirm_raise(unit, found, subject, payload, confirmation)
    return subject, commit_change(unit, subject, payload)


def check_patch(policy: Policy, choices: Choices, patch: Mapping[str, Any]) -> None:
    """Raises InvalidInputError for whatever cannot be patched so."""
    _check_names(policy, patch)
    _check_channels(policy, choices, patch)


def apply_patch(choices: Choices, patch: Mapping[str, Any]) -> None:
    """Set what a checked patch says in the choices of a person."""
    for field in ("sharing", "levels", "channels"):
        if field in patch:
            setattr(choices, field, _merged(getattr(choices, field), patch[field]))
    for field in ("locale", "timezone", "max_per_week", "paused_until"):
        if field in patch:
            setattr(choices, field, patch[field])
    if "quiet" in patch:
        quiet = patch["quiet"]
        choices.quiet = None if quiet is None else StoredQuiet(quiet["start"], quiet["end"])


def _end_situations(unit: Unit, subject: Subject, named: Mapping[str, Any] | None) -> None:
    """Those named, or all of them. What was said before and comes late does not begin one again."""
    for name in in_force(unit.policy, subject, unit.now):
        if named is None or name in named:
            del subject.choices.flags[name]
            subject.choices.situations_ended[name] = unit.now


def _merged(current: Mapping[str, Any], patch: Mapping[str, Any] | None) -> dict[str, Any]:
    if patch is None:
        return {}
    merged = {**current, **patch}
    return {key: value for key, value in merged.items() if value is not None}


def _check_names(policy: Policy, patch: Mapping[str, Any]) -> None:
    faults: list[InputFault] = []
    for name in patch.get("sharing") or {}:
        if name not in policy.data:
            faults.append(InputFault(f"/sharing/{name}", "the policy has no such data category"))
        elif policy.data[name].sharing == "necessary":
            faults.append(InputFault(f"/sharing/{name}", "is necessary for the service; it is no choice"))
    levels = {level.name for level in Level}
    for key, level in (patch.get("levels") or {}).items():
        if key != "*" and key not in policy.categories:
            faults.append(InputFault(f"/levels/{key}", "the policy has no such category"))
        if level is not None and level not in levels:
            faults.append(InputFault(f"/levels/{key}", f"must be one of {', '.join(sorted(levels))}"))
    for name in patch.get("channels") or {}:
        if name not in policy.channels:
            faults.append(InputFault(f"/channels/{name}", "the policy has no such channel"))
    told = situations(policy)
    for name, ends in (patch.get("situations") or {}).items():
        if name not in told:
            faults.append(InputFault(f"/situations/{name}", "the policy has no such situation"))
        elif ends is not None:
            faults.append(InputFault(f"/situations/{name}", "must be null: a situation is told by a signal"))
    if faults:
        raise InvalidInputError(faults)


def _check_channels(policy: Policy, choices: Choices, patch: Mapping[str, Any]) -> None:
    faults = [
        InputFault(f"/channels/{name}", "turning this on is a consent with its notice: POST …/consents")
        for name, on in (patch.get("channels") or {}).items()
        if on and policy.channels[name].opt_in and choices.channels.get(name) is not True
    ]
    if faults:
        raise InvalidInputError(faults)
