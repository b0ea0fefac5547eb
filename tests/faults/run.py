"""One run: an installation, its clients, what goes wrong, the peace afterwards, and the verdict."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from service.tasks import PROPOSE_REORDERS, Publisher
from tests.faults.checker import check
from tests.faults.clients import Api, read_receipts
from tests.faults.history import DONE, Operation, Recorder
from tests.faults.installation import Installation, installation
from tests.faults.nemesis import FAULTS, inject
from tests.faults.progress_rule import NEVER, never_ended
from tests.faults.violation import Violation
from tests.faults.workload import OFTEN, Client, Town

HISTORY = "history.jsonl"
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`faults`: their names in order; None: random ones until `seconds` have passed. `longest`: seconds that
    one pause may last. `settle`: seconds that what stays allowed may take when everything works."""

    seed: int
    seconds: float
    clients: int = 6
    people: int = 8
    pause: float = 0.1
    faults: Sequence[str] | None = None
    longest: float = 8.0
    settle: float = 45.0
    broker: str = "valkey"
    often: Mapping[str, int] = field(default_factory=lambda: OFTEN)
    web_workers: int = 2
    switch: str | None = None


@dataclass(slots=True)
class Report:
    """What a run did and found."""

    seed: int
    operations: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    histories: int = 0
    received: int = 0
    cancelled: int = 0
    irrevocable: int = 0
    unread: int = 0
    delivers: bool = False
    permits: bool = False
    violations: list[Violation] = field(default_factory=list)

    def lines(self) -> list[str]:
        relayed = f"{self.received}" if self.delivers else "none: there is no receiver here yet"
        permits = "" if self.permits else "; this service has no permits yet"
        return [
            *self._shown(),
            f"seed {self.seed}",
            f"operations {sum(self.operations.values())}: {_counted(self.operations)}{permits}",
            f"outcomes: {_counted(self.outcomes)}",
            f"faults {sum(self.faults.values())}: {_counted(self.faults)}",
            f"histories checked {self.histories}, one for each person; {self.unread} unreadable at the end",
            f"cancelled by an answer {self.cancelled}, listed as irrevocable {self.irrevocable}",
            f"messages received: {relayed}",
            f"violations {len(self.violations)}",
        ]

    def _shown(self) -> list[str]:
        """The first few of each rule: one fault of the service breaks the same promise to many."""
        shown: list[str] = []
        counts = Counter(violation.rule for violation in self.violations)
        for rule, count in counts.items():
            same = [str(violation) for violation in self.violations if violation.rule == rule]
            shown += same[:SHOWN]
            if count > SHOWN:
                shown.append(f"{rule}: {count - SHOWN} more")
        return shown


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def run(plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None) -> Report:
    """Carry out `plan` in `folder`, which is empty and which PostgreSQL's account may enter. The history and
    the receiver's log stay there."""
    report = Report(plan.seed)
    recorder = Recorder(folder / HISTORY)
    try:
        with installation(folder, plan.broker, plan.web_workers, plan.switch) as there:
            say("the installation answers")
            town = Town()
            first = _client("settler", plan, there, town, recorder)
            for _ in range(plan.people):
                first.register()
            _disturb(plan, there, town, recorder, report, say)
            say("healing")
            there.heal()
            there.await_ready()
            _await_quiet(plan, there, town, recorder)
            say("last looks")
            report.unread = _last_looks(_client("reader", plan, there, town, recorder), there, town, recorder)
            report.permits = not town.missing
            report.delivers = there.receiver_wire is not None
            arrivals = read_receipts(there.receipts)
        ended = time.time()
    finally:
        recorder.close()
    # Where nothing is delivered yet, nothing can be missed.
    settle = plan.settle if report.delivers else float("inf")
    verdict = check(recorder.operations, arrivals, ended=ended, settle=settle)
    report.violations = verdict.violations
    report.received = verdict.arrivals
    for operation in recorder.operations:
        report.operations[operation.name] += 1
        report.outcomes[operation.outcome] += 1
        report.cancelled += len(operation.cancelled)
        report.irrevocable += len(operation.irrevocable)
    report.histories = len({op.subject for op in recorder.operations if op.name == "write"})
    return report


def _client(name: str, plan: Plan, there: Installation, town: Town, recorder: Recorder) -> Client:
    # The name is in the seed, so that clients differ and one run's do what the same seed's did before.
    return Client(name, Random(f"{plan.seed}/{name}"), Api(there.config), town, recorder)


def _disturb(
    plan: Plan,
    there: Installation,
    town: Town,
    recorder: Recorder,
    report: Report,
    say: Callable[[str], None],
) -> None:
    """The clients at work, and the faults meanwhile, from this thread: it is the main one."""
    stop = threading.Event()
    clients = [_client(f"client-{n}", plan, there, town, recorder) for n in range(plan.clients)]
    threads = [threading.Thread(target=client.run, args=(stop, plan.pause, plan.often)) for client in clients]
    threads.append(threading.Thread(target=_ask_for_scans, args=(there, stop)))
    for thread in threads:
        thread.start()
    rng = Random(f"{plan.seed}/nemesis")
    until = time.monotonic() + plan.seconds
    try:
        if plan.faults is not None:
            between = plan.seconds / (len(plan.faults) + 1)
            for name in plan.faults:
                there.wait(between)
                inject(name, there, rng, plan.longest, report.faults)
        while time.monotonic() < until:
            there.wait(rng.uniform(0.5, 4.0))
            if plan.faults is None:
                name = rng.choice([*FAULTS])
                say(name)
                inject(name, there, rng, plan.longest, report.faults)
    finally:
        there.heal()
        stop.set()
        while any(thread.is_alive() for thread in threads):
            there.wait(0.2)


def _ask_for_scans(there: Installation, stop: threading.Event) -> None:
    """Beat asks for a scan of run-outs every half minute, seldom for a short run. Twice equals once."""
    publisher = Publisher(there.broker_url)
    while not stop.wait(0.5):
        publisher.send(PROPOSE_REORDERS, [()])
    publisher.close()


def _await_quiet(plan: Plan, there: Installation, town: Town, recorder: Recorder) -> None:
    """Until every acknowledged job has ended, and what is due has had its time; at most `settle` seconds."""
    api = Api(there.config)
    began = time.time()
    open_jobs = dict(town.jobs)
    while time.time() - began < plan.settle:
        for job in [*open_jobs]:
            answer = api.call("GET", f"/v1/jobs/{job}", role="shop")
            if answer.done and answer.body["state"] not in ("queued", "running"):
                del open_jobs[job]
        if not open_jobs and not _is_missing_something(there, recorder):
            break
        there.wait(0.5)
    for job, total in town.jobs.items():
        began = time.time()
        answer = api.call("GET", f"/v1/jobs/{job}", role="shop")
        told = str(answer.body["state"]) if answer.done else f"answered {answer.status}"
        if told == "done" and (answer.body["done"], answer.body["total"]) != (total, total):
            told = f"done with {answer.body['done']} of {total}"
        recorder.add(
            Operation(
                client="reader",
                name="job ended",
                subject=job,
                invoked=began,
                answered=time.time(),
                outcome=DONE,
                value=job,
                told=told,
            )
        )


def _is_missing_something(there: Installation, recorder: Recorder) -> bool:
    """Whether something due has not come yet; never where nothing is delivered."""
    if there.receiver_wire is None:
        return False
    arrivals = read_receipts(there.receipts)
    missing = never_ended(recorder.operations, arrivals, ended=time.time(), settle=0.0)
    return any(violation.rule == NEVER for violation in missing)


def _last_looks(reader: Client, there: Installation, town: Town, recorder: Recorder) -> int:
    """Read everything that is left, and send every signal again; how many people could not be read."""
    unread = 0
    for person in town.people:
        if person not in town.left:
            whole = reader.look(person)
            if not whole:
                there.wait(1.0)
                whole = reader.look(person)
            unread += not whole
    for signal in town.signals:
        if signal["subject"] not in town.left:
            reader.tell(signal, "signal again")
    return unread
