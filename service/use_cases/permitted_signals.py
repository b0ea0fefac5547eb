"""What detectors and their measurement may read of a person: the data that a purpose in force covers, and no
goods whose category asks for more than what holds (guarantees P11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.policy import Level, Policy, State, holds
from service.storage.reorders import Reorder, read_reorders
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.foresee_run_outs import Foreseen, Person, foresee_together
from service.use_cases.read_signals import KeptSignals, Signal, keep_signals, may_read, read_signals_of


class PermittedSignals:
    """The signals of one locked subject in one transaction, read and opened once. `kept` and `known`, the
    reorders, are given where they have been read with those of others."""

    def __init__(
        self,
        unit: Unit,
        subject: Subject,
        state: State,
        *,
        kept: KeptSignals | None = None,
        known: Sequence[Reorder] | None = None,
    ) -> None:
        self.unit, self.subject, self.state = unit, subject, state
        self._kept, self._known = kept, known
        self._read: dict[tuple[str, frozenset[str]], list[Signal]] = {}
        self._foreseen: dict[frozenset[tuple[str, str]], Sequence[Foreseen]] = {}
        self._categories: dict[str | None, bool] = {}

    def may_read(self, data: Iterable[str], purpose: str) -> bool:
        """Whether all of these may be read under the purpose now."""
        unit = self.unit
        return all(may_read(unit.policy, self.state, each, purpose, unit.now) for each in data)

    def may_speak_of(self, category: str | None) -> bool:
        """Whether the purposes that such goods ask for hold, and anything may be proposed of them."""
        if category not in self._categories:
            policy, state, now = self.unit.policy, self.state, self.unit.now
            entries = [policy.categories[path] for path in policy.prefixes(category or "*")]
            required = {purpose for entry in entries for purpose in entry.requires}
            open_ = category is None or may_be_proposed(policy, category)
            self._categories[category] = open_ and all(holds(policy, state, each, now) for each in required)
        return self._categories[category]

    def kept(self) -> KeptSignals:
        if self._kept is None:
            self._kept = keep_signals(self.unit, [self.subject])[self.subject.id]
        return self._kept

    def reorders(self) -> Sequence[Reorder]:
        if self._known is None:
            self._known = read_reorders(self.unit, self.subject)
        return self._known

    def foreseen(self, sources: dict[str, str]) -> Sequence[Foreseen]:
        """The forecast from exactly these data categories, each under its purpose."""
        if not self.has_foreseen(sources):
            person = self.person(sources)
            self.remember(person, foresee_together(self.unit, [person])[0])
        return self._foreseen[frozenset(sources.items())]

    def has_foreseen(self, sources: dict[str, str]) -> bool:
        return frozenset(sources.items()) in self._foreseen

    def remember(self, person: Person, foreseen: Sequence[Foreseen]) -> None:
        """A forecast that was made of this person with those of others."""
        self._foreseen[frozenset(person.sources.items())] = foreseen

    def person(self, sources: dict[str, str]) -> Person:
        return Person(self.subject, self.state, sources, self.reorders(), self.kept())

    def read(self, data: Iterable[str], purpose: str) -> Sequence[Signal]:
        """Oldest first. Only after `may_read` said yes."""
        key = (purpose, frozenset(data))
        if key not in self._read:
            sources = dict.fromkeys(sorted(key[1]), purpose)
            found = read_signals_of(self.unit, self.subject, sources, kept=self.kept())
            self._read[key] = [each for each in found if self.may_speak_of(each.category)]
        return self._read[key]


def may_be_proposed(policy: Policy, category: str) -> bool:
    """Of what nothing may ever be proposed (medicines on prescription), nothing is looked for either."""
    limits = [policy.categories[path].max for path in policy.prefixes(category)]
    return policy.knows_category(category) and all(limit is None or limit >= Level.curate for limit in limits)
