"""The relay: takes what is due from the outbox, claims an attempt, sends, and keeps what became of it.

Any number of relays may run. None holds a lock while it sends: picking, claiming and settling are
transactions of their own, and a relay that dies between two of them costs a lease (docs/barrier.md).
"""

from __future__ import annotations

import threading
import time
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
from service.use_cases.publish_event import note_delivery
from service.use_cases.settle_message import settle_attempt

# A notification at every commit would make all commits of the database wait for one lock, so we ask.
POLL = 0.2
# How long a picked message is this relay's to claim.
PATIENCE = timedelta(seconds=2)
# Seconds after which an attempt no longer counts against the threads; and how many times as many attempts
# there may be with those that take long.
SLOW = 1.0
_MOST = 4
# What needs somebody's hand first: a key, or a sender.
_LOOK_AGAIN = timedelta(minutes=1)
# Past half its lease an attempt is not begun: whoever slept through it must not send what another may settle.
_FRESH = LEASE.total_seconds() / 2
_SETTLE_AGAIN = (0.1, 0.5, 2.0, 5.0, 10.0)


# Message, subject, and whether it is an event.
Picked = tuple[UUID, UUID | None, bool]


class NoSenderError(SamtyckeError):
    """Nothing here sends by this route."""


class Relay:
    """Hands over by `senders`, keyed by route, with `threads` attempts at a time.

    An attempt that takes longer than `SLOW` is counted apart, so that others go on beside it; a receiver that
    has a quarter of the threads waiting in that way gets nothing new until one of them ends.
    """

    def __init__(self, services: Services, senders: Mapping[str, Sender], *, threads: int = 8) -> None:
        self._services = services
        self._senders = senders
        self._threads = threads
        self._lock = threading.Lock()
        # By message: the receiver, once it is known, and when the attempt began.
        self._under_way: dict[UUID, tuple[str, float]] = {}
        self._ended = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; then what is under way is finished."""
        with ThreadPoolExecutor(_MOST * self._threads, thread_name_prefix="relay") as pool:
            while not stop.is_set():
                self._ended.clear()
                picked = self._pick()
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
        """As many as may be begun; none while the database cannot be reached."""
        with self._lock:
            quick = len(self._under_way) - self._slow()
            idle = min(self._threads - quick, _MOST * self._threads - len(self._under_way))
        try:
            picked = self._take(idle) if idle > 0 else []
        except (UnavailableError, psycopg.Error) as error:
            get_logger().warning("the outbox cannot be read", **describe_error(error))
            time.sleep(1.0)
            return []
        with self._lock:
            self._under_way.update((message, ("", time.monotonic())) for message, _, _ in picked)
        return picked

    def _take(self, limit: int) -> list[Picked]:
        with self._services.database.connection() as db:
            return pick_due(db, self._services.now, limit, PATIENCE)

    def _work(self, picked: Picked) -> None:
        try:
            found_room = self._hand_over(picked)
        except Exception as error:
            # Nothing is settled then: its lease, or the time of the pick, runs out and somebody looks again.
            get_logger().error("a hand-over failed", message=_name(picked[0]), **describe_error(error))
            found_room = False
        # Where there was no room, looking again at once would find none either.
        if found_room:
            self._ended.set()

    def _hand_over(self, picked: Picked) -> bool:
        """Claim, send, settle. False where there was no room at the receiver."""
        begun, full = time.monotonic(), False

        def has_room(route: str, to: str) -> bool:
            nonlocal full
            if route not in self._senders:
                raise NoSenderError(route)
            receiver = f"{route} {to}" if route == WEBHOOK else route
            with self._lock:
                full = self._slow(receiver) >= max(1, self._threads // 4)
                if not full:
                    self._under_way[picked[0]] = (receiver, begun)
            return not full

        try:
            claim = self._claim(picked, has_room)
            if claim is not None and time.monotonic() - begun > _FRESH:
                get_logger().warning("an attempt was slept through", message=claim.parcel.key)
            elif claim is not None:
                self._settle(claim, self._senders[claim.parcel.route].send(claim.parcel))
        finally:
            with self._lock:
                self._under_way.pop(picked[0], None)
        return not full

    def _slow(self, receiver: str | None = None) -> int:
        """How many attempts take long, at this receiver or at all. Under the lock."""
        since = time.monotonic() - SLOW
        held = self._under_way.values()
        return sum(begun < since and receiver in (None, name) for name, begun in held)

    def _claim(self, picked: Picked, has_room: Room) -> Claim | None:
        message, subject, is_event = picked
        try:
            # What is only written is not waited for before the next thing is read.
            with self._services.unit(system_actor("relay")) as unit, unit.db.pipeline():
                if is_event or subject is None:
                    return claim_event(unit, message, subject, has_room)
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
                    if claim.endpoint is not None:
                        note_delivery(unit, claim.message, claim.endpoint, sent.fate, unit.now)
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


def _name(message: UUID) -> str:
    return show(MESSAGE, message)
