"""The inbox in the customer's own app: a message is handed over by being kept there, sealed."""

from __future__ import annotations

import psycopg

from service.actor import system_actor
from service.bootstrap import Services
from service.errors import NotFoundError, SubjectErasedError, UnavailableError
from service.ids import SUBJECT, read
from service.senders import Fate, Parcel, Sent
from service.senders.letter import LetterError, letter_of
from service.storage.inbox import put_message
from service.storage.subjects import lock_subject

_ACTOR = system_actor("inbox")


class InboxSender:
    """It keeps a message once for each key, so an attempt whose end nobody saw may be made again."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def send(self, parcel: Parcel) -> Sent:
        try:
            letter = letter_of(parcel, None)
            person = read(SUBJECT, parcel.subject)
        except (LetterError, NotFoundError):
            return Sent(Fate.refused, "no message can be made of this")
        lines = [{"text": line.text, "url": line.url} for line in letter.lines]
        said = {"kind": parcel.kind, "locale": letter.lang, "title": letter.subject, "lines": lines}
        try:
            with self._services.unit(_ACTOR) as unit:
                put_message(unit, lock_subject(unit, person), parcel.key, said)
        except (NotFoundError, SubjectErasedError):
            return Sent(Fate.refused, "there is nobody to read it")
        except (UnavailableError, psycopg.OperationalError):
            return Sent(Fate.retry, "the inbox cannot be reached")
        return Sent(Fate.delivered, "kept")
