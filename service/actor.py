"""Who asks: what a verified token says, and whom it may reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from service.errors import ForbiddenError, NotFoundError
from service.ids import SUBJECT, show

ROLES = ("customer", "marketing", "shop", "pharmacist", "dpo", "admin")


@dataclass(frozen=True, slots=True)
class Actor:
    """`sub` names the person or client behind the token; `subject` is set for a customer alone."""

    sub: str
    roles: frozenset[str]
    scopes: frozenset[str] = frozenset()
    subject: UUID | None = None

    def has(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    @property
    def role(self) -> str:
        """The role that history records; a token of several roles acts as the first in `ROLES`."""
        return next((role for role in ROLES if role in self.roles), "none")

    def as_any_of(self, roles: frozenset[str]) -> Actor:
        """This actor in those of its roles that are asked for here: a customer who is also marketing
        reaches nobody else where only the customer is let in. Raises ForbiddenError when there is none."""
        kept = self.roles & roles
        if not kept:
            raise ForbiddenError
        return self if kept == self.roles else replace(self, roles=kept)

    def reach(self, subject: UUID) -> UUID:
        """`subject`, if this actor may speak of it; to a customer everybody else does not exist (P12)."""
        if self.roles == {"customer"} and self.subject != subject:
            raise NotFoundError(SUBJECT)
        return subject


def system_actor(name: str) -> Actor:
    """A worker or the command line, acting on its own."""
    return Actor(sub=f"system:{name}", roles=frozenset({"system"}))


def show_subject(subject: UUID) -> str:
    return show(SUBJECT, subject)
