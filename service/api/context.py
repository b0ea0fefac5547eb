"""What a view may ask for: the services, the actor, a transaction, and whom the actor may reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from flask import current_app, g, request

from service import ids
from service.actor import Actor
from service.bootstrap import Services
from service.storage.access_log import record_read
from service.storage.subjects import Subject
from service.storage.unit import Unit

EXTENSION = "samtycke"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def services() -> Services:
    found: Services = current_app.extensions[EXTENSION]
    return found


def actor() -> Actor:
    """Who asks, by the verified token. A public view has none."""
    found: Actor = g.actor
    return found


@contextmanager
def unit() -> Iterator[Unit]:
    """The request's transaction. It commits at the end of the block, so answer after it: what stands in an
    answer has been kept."""
    with services().unit(actor()) as found:
        yield found


def reach(subject: str) -> UUID:
    """The subject named in a path. Raises NotFoundError for one that this actor may not speak of (P12)."""
    return actor().reach(ids.read(ids.SUBJECT, subject))


def recorded(unit: Unit, subject: Subject) -> Subject:
    """`subject`, after recording in this transaction that a staff role reads it by this route."""
    if not unit.actor.has("customer"):
        record_read(unit, subject, route())
    return subject


def route() -> str:
    """The request's method and path template: what logs and metrics may say of it."""
    rule = request.url_rule
    # A method is any word that a client likes: only those that mean something get a label of their own.
    method = request.method if request.method in _METHODS else "(other)"
    return f"{method} {rule.rule if rule is not None else '(no route)'}"
