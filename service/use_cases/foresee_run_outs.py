"""What a person runs out of, read under the purposes of the replenishment programme and no other (P11)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from service.forecast import Model, Purchase, RunOut, Usage, run_out
from service.forecast import Product as Goods
from service.policy import Level, Policy, Programme, State, holds
from service.storage.forecast_models import newest_model
from service.storage.products import Product, read_products
from service.storage.reorders import Reorder
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.plenty import plenty_of
from service.use_cases.read_signals import KeptSignals, Signal, keep_signals, may_read, read_signals_of

# Rungs on which the service acts before the customer asks; lower ones need no forecast.
_FORESIGHTED = (Level.automate, Level.coach)
_TYPES = ("purchase", "returned", "usage", "stopped_using")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One product's run-out, if there is anything to foresee. `data`: the categories it was made from, and
    `signals` how many signals of them were read. `plenty`: when the person said that there is enough left."""

    product: Product
    run_out: RunOut | None
    quantity: int
    stopped: bool
    data: tuple[str, ...]
    signals: int = 0
    plenty: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose `sources` are not empty: the data categories of `readable`, each with its purpose.
    `known`: the person's reorders, which tell of what they answered. `kept`: the signals, where they have
    been read."""

    subject: Subject
    state: State
    sources: dict[str, str]
    known: Sequence[Reorder] = ()
    kept: KeptSignals | None = None


@dataclass(slots=True)
class History:
    """What signals say about one sku, oldest first; `signals` is how many."""

    purchases: list[Purchase] = field(default_factory=list)
    usage: list[Usage] = field(default_factory=list)
    stopped: bool = False
    signals: int = 0

    def add(self, signal: Signal) -> None:
        self.signals += 1
        if signal.type != "returned":
            self.stopped = signal.type == "stopped_using"
        if signal.type == "purchase":
            self.purchases.append(Purchase(signal.at, signal.data["quantity"]))
        elif signal.type == "usage":
            left, per_day = signal.data.get("units_left"), signal.data.get("units_per_day")
            self.usage.append(Usage(signal.at, left, per_day))
        elif signal.type == "returned" and self.purchases:
            # What came back is not used up; which of several purchases it was makes little difference.
            self.purchases.pop()


def replenishment(policy: Policy) -> Programme | None:
    """The programme that proposes reorders: `replenishment`, or else the first that may automate."""
    named = policy.programmes.get("replenishment")
    if named is not None and any(level in named.ladder for level in _FORESIGHTED):
        return named
    return next((p for p in policy.programmes.values() if Level.automate in p.ladder), None)


def readable(unit: Unit, state: State, programme: Programme, types: Sequence[str] = _TYPES) -> dict[str, str]:
    """The data categories of signals of these types that a forecast may read of this person now, each with
    its purpose."""
    policy = unit.policy
    purposes = [p for level in _FORESIGHTED for p in programme.ladder.get(level, ())]
    found = {}
    for data in dict.fromkeys(policy.signals[t].data for t in types if t in policy.signals):
        purpose = next((p for p in purposes if may_read(policy, state, data, p, unit.now)), None)
        if purpose is not None:
            found[data] = purpose
    return found


def foresee_run_outs(
    unit: Unit,
    subject: Subject,
    state: State,
    sources: dict[str, str],
    known: Sequence[Reorder] = (),
    *,
    model: Model | None = None,
) -> list[Foreseen]:
    """The forecast for every product that the `readable` signals speak of and the catalogue still has.
    `known`: the person's reorders, which tell of what they answered. Without a `model`, the newest."""
    return foresee_together(unit, [Person(subject, state, sources, known)], model=model)[0]


def foresee_together(
    unit: Unit, people: Sequence[Person], *, model: Model | None = None
) -> list[list[Foreseen]]:
    """The same for several people: signals that are not kept are read in one round trip, and the products in
    another."""
    kept = keep_signals(unit, [person.subject for person in people if person.kept is None])
    histories = [
        read_histories(
            unit, person.subject, person.state, person.sources, person.kept or kept[person.subject.id]
        )
        for person in people
    ]
    products = read_products(unit.db, {sku for history in histories for sku in history})
    model = model or newest_model(unit.db)
    return [
        [
            _foresee(unit, products[sku], history[sku], plenty_of(person.known, sku), model)
            for sku in sorted(history)
            if sku in products
        ]
        for person, history in zip(people, histories, strict=True)
    ]


def read_histories(
    unit: Unit,
    subject: Subject,
    state: State,
    sources: Mapping[str, str],
    kept: KeptSignals | None = None,
) -> dict[str, History]:
    """What the `readable` signals say, by sku. `kept`: all of the person's, where they have been read."""
    signals = read_signals_of(unit, subject, sources, kept=kept)
    return _by_sku(_permitted(unit, state, signals))


def goods_of(product: Product) -> Goods:
    """The product as a forecast sees it."""
    return Goods(
        product.pack_size, product.usual_per_day, product.as_needed, product.sku, category=product.category
    )


def _foresee(
    unit: Unit, product: Product, history: History, plenty: Sequence[datetime], model: Model
) -> Foreseen:
    ends = None
    if not history.stopped:
        ends = run_out(
            history.purchases, history.usage, goods_of(product), unit.now, plenty=plenty, model=model
        )
    types = ["purchase"] if history.purchases else []
    if ends is not None and history.usage:
        types.append("usage")
    data = tuple(dict.fromkeys(unit.policy.signals[t].data for t in types))
    quantity = history.purchases[-1].quantity if history.purchases else 1
    return Foreseen(product, ends, quantity, history.stopped, data, history.signals, tuple(plenty))


def _permitted(unit: Unit, state: State, signals: Sequence[Signal]) -> Iterator[Signal]:
    """Those about goods whose category asks for no purpose beyond what holds: health data is not foreseen
    without consent to it, even where the purchase was stored under an earlier one. Oldest first."""
    policy, known = unit.policy, dict[str | None, bool]()
    for signal in signals:
        if signal.category not in known:
            entries = [policy.categories[path] for path in policy.prefixes(signal.category or "*")]
            required = {purpose for entry in entries for purpose in entry.requires}
            known[signal.category] = all(holds(policy, state, purpose, unit.now) for purpose in required)
        if known[signal.category] and signal.type in _TYPES and signal.at <= unit.now:
            yield signal


def _by_sku(signals: Iterable[Signal]) -> dict[str, History]:
    histories: dict[str, History] = {}
    for signal in signals:
        histories.setdefault(signal.data["sku"], History()).add(signal)
    return histories
