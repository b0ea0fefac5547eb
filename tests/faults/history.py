"""What a run leaves behind for the checker: what every client asked and was told, and what receivers got.

Instants are seconds of one machine's clock. An operation took effect somewhere between `invoked` and
`answered`; where no answer came, at any time after `invoked`, or never.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

DONE = "done"
REFUSED = "refused"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of one client.

    `name`: `write` (sets `setting` of `subject` to `value`), `read` (saw it at `value`), `blur` (changed
    several settings in a way that is not followed: a merge), `waiting` (saw the actions `listed` still wait
    for their hand-over), `due` (made an action due, about `value`), `signal` and `signal again`
    (`value`: the sender's id; `told`: the answer), `redeem` (`value`: the permit; `told`: the answer), `job`
    and `job ended` (`value`: the job; `told`: its state, or how its results fell short).

    `topics`: what an action that was seen or made due is, each of which may be closed to it.
    `outcome`: `done`, `refused` (it certainly changed nothing) or `unknown`. `forbids` and `permits`: topics
    of actions that the value closes or opens, as far as this setting goes. `raises`: being done it certainly
    raised the epoch, so that no other change can have the same.
    """

    client: str
    name: str
    subject: str
    invoked: float
    answered: float | None = None
    outcome: str = DONE
    setting: str = ""
    value: str | None = None
    topics: tuple[str, ...] = ()
    told: str = ""
    forbids: tuple[str, ...] = ()
    permits: tuple[str, ...] = ()
    raises: bool = False
    epoch: int | None = None
    cancelled: tuple[str, ...] = ()
    irrevocable: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()

    def before(self, other: Operation) -> bool:
        """Whether this one had certainly taken effect when the other began."""
        return self.answered is not None and self.answered < other.invoked

    def words(self) -> str:
        """The operation as a person reads it in a report."""
        about = " ".join(
            part for part in (self.setting or ", ".join(self.topics), self.value or "", self.told) if part
        )
        span = f"{self.invoked:.3f} to {'?' if self.answered is None else f'{self.answered:.3f}'}"
        epoch = "" if self.epoch is None else f", epoch {self.epoch}"
        return f"[{self.client}] {self.name} {about} of {self.subject} ({self.outcome}, {span}{epoch})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One thing that reached a receiver. `names`: ids by which an answer may list it, besides `key`.
    `once`: this receiver cannot deduplicate, so the same key must not come twice. `goods` and `cycle` are of
    an order alone."""

    key: str
    subject: str
    kind: str
    topics: tuple[str, ...]
    arrived: float
    digest: str = ""
    names: tuple[str, ...] = ()
    once: bool = False
    goods: str = ""
    cycle: str = ""

    def words(self) -> str:
        return f"{self.kind} {self.key} for {self.subject} (arrived {self.arrived:.3f})"


class Recorder:
    """A history that many threads add to and that stands on disk line by line, whatever ends the run."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = path.open("w", encoding="utf-8")
        self.operations: list[Operation] = []

    def add(self, operation: Operation) -> None:
        with self._lock:
            self.operations.append(operation)
            self._file.write(json.dumps(asdict(operation)) + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_operations(lines: Iterable[str]) -> list[Operation]:
    """The operations of a history that a Recorder wrote."""
    return [Operation(**_with_tuples(json.loads(line))) for line in lines]


def _with_tuples(entry: dict[str, Any]) -> dict[str, Any]:
    known = {field.name for field in fields(Operation)}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in entry.items() if name in known}
