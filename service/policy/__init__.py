"""The decision of decision.md and nothing else: pure, and on the standard library alone.

`load_policy` and `read_state`, `read_candidate`, `read_now` make the four values of a decision from
documents, or refuse them with every fault; `evaluate` and `evaluate_all` answer.
"""

from __future__ import annotations

from service.policy.answers import Decision, Outcome, Reason, Remedy, decision_stage, show_instant
from service.policy.check import check_policy
from service.policy.codes import REASON_CODES, REMEDIES, STAGES, WAITS, stage_of
from service.policy.control import effective_level
from service.policy.faults import Fault, InputRefused, PolicyRefused, Refused
from service.policy.inputs import STATUSES, read_candidate, read_state
from service.policy.instants import add_duration, read_instant, read_now
from service.policy.levels import LEVEL_NAMES, LEVELS, Level
from service.policy.load import load_policy, stated_notice
from service.policy.mandates import narrowest as narrowest_mandate
from service.policy.parts import (
    Cap,
    Category,
    Channel,
    Data,
    Programme,
    Purpose,
    Rollout,
    Signal,
    Suppression,
)
from service.policy.policy import FORMAT, Policy
from service.policy.purposes import CONSENT_STATUSES, consent_status, holds, purpose_blocker
from service.policy.signals import SIGNAL_REFUSALS, signal_refusal
from service.policy.values import Candidate, Consent, Contact, Mandate, Order, Quiet, State
from service.policy.walk import evaluate, evaluate_all

__all__ = [
    "CONSENT_STATUSES",
    "FORMAT",
    "LEVELS",
    "LEVEL_NAMES",
    "REASON_CODES",
    "REMEDIES",
    "SIGNAL_REFUSALS",
    "STAGES",
    "STATUSES",
    "WAITS",
    "Candidate",
    "Cap",
    "Category",
    "Channel",
    "Consent",
    "Contact",
    "Data",
    "Decision",
    "Fault",
    "InputRefused",
    "Level",
    "Mandate",
    "Order",
    "Outcome",
    "Policy",
    "PolicyRefused",
    "Programme",
    "Purpose",
    "Quiet",
    "Reason",
    "Refused",
    "Remedy",
    "Rollout",
    "Signal",
    "State",
    "Suppression",
    "add_duration",
    "check_policy",
    "consent_status",
    "decision_stage",
    "effective_level",
    "evaluate",
    "evaluate_all",
    "holds",
    "load_policy",
    "narrowest_mandate",
    "purpose_blocker",
    "read_candidate",
    "read_instant",
    "read_now",
    "read_state",
    "show_instant",
    "signal_refusal",
    "stage_of",
    "stated_notice",
]
