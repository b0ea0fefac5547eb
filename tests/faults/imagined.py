"""A service that is only imagined: one person, one topic, and a relay, on a clock of whole ticks.

It makes the histories that a right service would leave behind, whatever the order of events, so that the
checker can be shown to find nothing in them; with `locked` off the relay decides before it takes the lock,
and the checker must find it out. It stands in for nothing: no test of the service uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.history import UNKNOWN, Arrival, Operation

Event = Literal["give", "withdraw", "due", "evaluate", "claim", "arrive", "again", "read", "lose answer"]
EVENTS: tuple[Event, ...] = (
    "give",
    "withdraw",
    "due",
    "evaluate",
    "claim",
    "arrive",
    "again",
    "read",
    "lose answer",
)
SUBJECT = "sub_1"
TOPIC = "remind"
SETTING = "consent:reminders"


@dataclass
class Imagined:
    """Events happen one after another, each at an instant of its own; what a client sees of it begins a bit
    earlier and ends a bit later (`early`, `late`), so that operations overlap."""

    locked: bool = True
    now: float = 0.0
    epoch: int = 1
    allowed: bool = False
    lose_answer: bool = False
    queued: list[str] = field(default_factory=list)
    evaluated: set[str] = field(default_factory=set)
    flying: list[str] = field(default_factory=list)
    landed: list[str] = field(default_factory=list)
    made: int = 0
    operations: list[Operation] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    def play(self, events: Sequence[tuple[Event, float, float]]) -> None:
        for event, early, late in events:
            self.now += 1.0
            getattr(self, f"_{event.replace(' ', '_')}")(early, late)

    def _change(self, value: str, early: float, late: float) -> None:
        self.epoch += 1
        cancelled: list[str] = []
        irrevocable: list[str] = []
        if value == "withdrawn":
            # Without the lock a message that is being looked at cannot be taken out of the relay's hands.
            cancelled = [key for key in self.queued if self.locked or key not in self.evaluated]
            irrevocable = list(self.flying)
            self.queued = [key for key in self.queued if key not in cancelled]
        lost, self.lose_answer = self.lose_answer, False
        self.operations.append(
            Operation(
                client="customer",
                name="write",
                subject=SUBJECT,
                invoked=self.now - early,
                answered=None if lost else self.now + late,
                outcome=UNKNOWN if lost else "done",
                setting=SETTING,
                value=value,
                forbids=() if self.allowed else (TOPIC,),
                permits=(TOPIC,) if self.allowed else (),
                raises=not lost,
                epoch=None if lost else self.epoch,
                cancelled=() if lost else tuple(cancelled),
                irrevocable=() if lost else tuple(irrevocable),
            )
        )

    def _give(self, early: float, late: float) -> None:
        self.allowed = True
        self._change("given", early, late)

    def _withdraw(self, early: float, late: float) -> None:
        self.allowed = False
        self._change("withdrawn", early, late)

    def _due(self, early: float, late: float) -> None:
        if self.allowed:
            self.made += 1
            self.queued.append(f"msg_{self.made}")

    def _evaluate(self, early: float, late: float) -> None:
        if self.queued and self.allowed:
            self.evaluated.add(self.queued[0])

    def _claim(self, early: float, late: float) -> None:
        if not self.queued:
            return
        decided = self.queued[0] in self.evaluated
        if self.allowed if self.locked else decided:
            self.flying.append(self.queued.pop(0))

    def _arrive(self, early: float, late: float) -> None:
        if self.flying:
            self.landed.append(self.flying.pop(0))
            self._land(self.landed[-1])

    def _again(self, early: float, late: float) -> None:
        if self.landed:
            self._land(self.landed[-1])

    def _land(self, key: str) -> None:
        self.arrivals.append(
            Arrival(key=key, subject=SUBJECT, kind="reminder", topics=(TOPIC,), arrived=self.now, digest="d")
        )

    def _read(self, early: float, late: float) -> None:
        if self.epoch > 1:
            self.operations.append(
                Operation(
                    client="reader",
                    name="read",
                    subject=SUBJECT,
                    invoked=self.now - early,
                    answered=self.now + late,
                    setting=SETTING,
                    value="given" if self.allowed else "withdrawn",
                    epoch=self.epoch,
                )
            )

    def _lose_answer(self, early: float, late: float) -> None:
        self.lose_answer = True
