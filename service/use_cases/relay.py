"""The relay: takes what is due from the outbox, claims an attempt, sends, and keeps what became of it.

Any number of relays may run. None holds a lock while it sends: picking, claiming and settling are
transactions of their own, and a relay that dies between two of them costs a lease (docs/barrier.md).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import psycopg

from service.actor import system_actor
from service.bootstrap import Services
from service.errors import SamtyckeError, UnavailableError, UnreadableError
from service.ids import MESSAGE, show
from service.logging import describe_error, get_logger
from service.senders import Sender, Sent
from service.storage.outbox import look_later, pick_due
from service.use_cases.address_of import WEBHOOK
from service.use_cases.claim_message import LEASE, Claim, Room, claim_event, claim_message
from service.use_cases.settle_message import settle_attempt

# A notification at every commit would make all commits of the database wait for one lock, so we ask.
POLL = 0.2
# How long a picked message is this relay's to claim.
PATIENCE = timedelta(seconds=5)
# What needs somebody's hand first: a key, or a sender.
_LOOK_AGAIN = timedelta(minutes=1)
# Past half its lease an attempt is not begun: whoever slept through it must not send what another may settle.
_FRESH = LEASE.total_seconds() / 2
_SETTLE_AGAIN = (0.1, 0.5, 2.0, 5.0, 10.0)


Picked = tuple[UUID, UUID | None]


class NoSenderError(SamtyckeError):
    """Nothing here sends by this route."""


class Relay:
    """Hands over by `senders`, keyed by route, with up to `threads` attempts at a time and no more than a
    quarter of them to one receiver, so that a slow one does not hold up the rest."""

    def __init__(self, services: Services, senders: Mapping[str, Sender], *, threads: int = 8) -> None:
        self._services = services
        self._senders = senders
        self._threads = threads
        self._share = max(1, threads // 4)
        self._lock = threading.Lock()
        self._under_way = 0
        self._busy: Counter[str] = Counter()
        self._ended = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; then what is under way is finished."""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="relay") as pool:
            while not stop.is_set():
                self._ended.clear()
                picked = self._pick()
                with self._lock:
                    self._under_way += len(picked)
                for each in picked:
                    pool.submit(self._work, each)
                if not picked:
                    self._ended.wait(POLL)

    def hand_over_due(self) -> int:
        """Hand over what is due now, one after the other, in this thread; how many were looked at."""
        looked = 0
        while picked := self._take(self._threads):
            for each in picked:
                self._hand_over(each)
            looked += len(picked)
        return looked

    def _pick(self) -> list[Picked]:
        """As many as there are idle threads; none while the database cannot be reached."""
        with self._lock:
            idle = self._threads - self._under_way
        try:
            return self._take(idle) if idle else []
        except (UnavailableError, psycopg.Error) as error:
            get_logger().warning("the outbox cannot be read", **describe_error(error))
            time.sleep(1.0)
            return []

    def _take(self, limit: int) -> list[Picked]:
        with self._services.database.connection() as db:
            return pick_due(db, self._services.now, limit, PATIENCE)

    def _work(self, picked: Picked) -> None:
        try:
            self._hand_over(picked)
        except Exception as error:
            # Nothing is settled then: its lease, or the time of the pick, runs out and somebody looks again.
            get_logger().error("a hand-over failed", message=_name(picked[0]), **describe_error(error))
        finally:
            with self._lock:
                self._under_way -= 1
            self._ended.set()

    def _hand_over(self, picked: Picked) -> None:
        entered: list[str] = []

        def has_room(route: str, to: str) -> bool:
            receiver = f"{route} {to}" if route == WEBHOOK else route
            if route not in self._senders:
                raise NoSenderError(route)
            if not self._enter(receiver):
                return False
            entered.append(receiver)
            return True

        try:
            begun = time.monotonic()
            claim = self._claim(picked, has_room)
            if claim is None:
                return
            if time.monotonic() - begun > _FRESH:
                get_logger().warning("an attempt was slept through", message=claim.parcel.key)
                return
            self._settle(claim, self._senders[claim.parcel.route].send(claim.parcel))
        finally:
            for receiver in entered:
                self._leave(receiver)

    def _claim(self, picked: Picked, has_room: Room) -> Claim | None:
        message, subject = picked
        try:
            with self._services.unit(system_actor("relay")) as unit:
                if subject is None:
                    return claim_event(unit, message, has_room)
                return claim_message(unit, message, subject, has_room)
        except (UnreadableError, NoSenderError) as error:
            get_logger().error("a message has to wait", message=_name(message), why=error.title)
            with self._services.database.transaction() as db:
                look_later(db, message, self._services.now + _LOOK_AGAIN)
            return None

    def _settle(self, claim: Claim, sent: Sent) -> None:
        """What is not kept after these tries is settled by the end of the lease."""
        for pause in (*_SETTLE_AGAIN, None):
            try:
                with self._services.unit(system_actor("relay")) as unit:
                    settle_attempt(unit, claim.message, claim.subject, claim.number, sent)
                break
            except (UnavailableError, psycopg.Error):
                if pause is None:
                    raise
                time.sleep(pause)
        get_logger().info(
            "handed over",
            message=claim.parcel.key,
            kind=claim.parcel.kind,
            route=claim.parcel.route,
            attempt=claim.number,
            fate=sent.fate.value,
            why=sent.why,
        )

    def _enter(self, receiver: str) -> bool:
        """Whether there is room at the receiver: then it is taken."""
        with self._lock:
            if self._busy[receiver] >= self._share:
                return False
            self._busy[receiver] += 1
            return True

    def _leave(self, receiver: str) -> None:
        with self._lock:
            self._busy[receiver] -= 1


def _name(message: UUID) -> str:
    return show(MESSAGE, message)
