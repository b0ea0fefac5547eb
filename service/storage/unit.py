"""The unit of work: what a use case gets to do its one transaction with.

It names the connection (every storage call takes it from here, so all of them commit together), the
keys, the policy in force, the actor who asks and the instant at which all of it happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.actor import Actor
from service.crypto.blind_index import BlindIndex
from service.crypto.keyring import Keyring
from service.policy import Policy
from service.storage.database import Connection
from service.storage.journal import Journal


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The newest published policy and its version number."""

    version: int
    policy: Policy


@dataclass(frozen=True, slots=True)
class Erasures:
    """What an erasure needs beside the database: its journal, and how long a backup is kept."""

    journal: Journal
    backups_kept: timedelta


@dataclass(frozen=True, slots=True)
class Unit:
    """One transaction of one actor at one instant (aware, whole seconds)."""

    db: Connection
    keyring: Keyring
    index: BlindIndex
    in_force: PolicyInForce
    actor: Actor
    now: datetime
    # Without it nothing can be erased.
    erasures: Erasures | None = None

    @property
    def policy(self) -> Policy:
        return self.in_force.policy
