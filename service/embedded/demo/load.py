"""Load the demo beside the running service: the policy, the goods and tips about them, the twelve of the
story, the crowd.

Each customer is one transaction, found again by her customer number: a load that was killed goes on where
it stood, and one that is repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from service.actor import system_actor
from service.bootstrap import Services
from service.embedded.demo import notes
from service.embedded.demo.crowd import crowd
from service.embedded.demo.customer import NUMBER, Customer
from service.embedded.demo.files import demo_policy
from service.embedded.demo.goods import catalogue
from service.embedded.demo.live import Clockwork, erase, is_erased, live, renew_contacts
from service.embedded.demo.people import people
from service.embedded.demo.tips import PROGRAMME, STRATEGY, tips
from service.errors import ConflictError, PolicyMissingError
from service.policy import Policy
from service.storage.identifiers import find_by_identifiers, is_suppressed
from service.storage.offers import read_offer
from service.storage.policies import publish_policy
from service.storage.products import read_products
from service.use_cases.put_offer import put_offer
from service.use_cases.put_product import put_product

# The policy and the goods are older than the oldest customer.
_OPENED = timedelta(days=300)
_TELL_EVERY = 20

Say = Callable[[str], None]


def load(services: Services, now: datetime, say: Say, *, size: int | None = None) -> bool:
    """Load what is missing as of `now`; False when another policy is in force, which the demo leaves alone.

    `size` is the number of made-up customers beside the twelve.
    """
    opened = now - _OPENED
    if not _publish(services, opened):
        say("demo: another policy is in force, so no demo data is loaded")
        return False
    _put_goods(services, opened)
    _put_tips(services, opened)
    customers = [*people(now), *(crowd(now) if size is None else crowd(now, size))]
    loader = _Loader(services, now, say, len(customers))
    loader.load(customers)
    return True


def _publish(services: Services, opened: datetime) -> bool:
    with services.database.transaction() as db:
        try:
            in_force = services.policies.in_force(db).policy
        except PolicyMissingError:
            publish_policy(db, demo_policy().document, opened)
            return True
    return _speaks_of_the_same(in_force, demo_policy())


def _speaks_of_the_same(policy: Policy, demo: Policy) -> bool:
    """Whether everything that the demo's people choose about has a name in `policy`."""
    return all(
        getattr(demo, part).keys() <= getattr(policy, part).keys()
        for part in ("purposes", "data", "categories", "channels", "suppressions", "signals")
    )


def _put_goods(services: Services, opened: datetime) -> None:
    """What the catalogue has already stays as it is: somebody may have changed a price."""
    with services.database.transaction() as db:
        unit = Clockwork(services, db, services.policies.in_force(db)).at(opened)
        known = read_products(db, catalogue())
        for good in catalogue().values():
            if good.sku not in known:
                put_product(unit, good.as_product())


def _put_tips(services: Services, opened: datetime) -> None:
    """The same for the tips about what somebody owns."""
    with services.database.transaction() as db:
        unit = Clockwork(services, db, services.policies.in_force(db)).at(opened)
        programme = unit.policy.programmes.get(PROGRAMME)
        if programme is None or STRATEGY not in programme.ladder:
            return
        for tip in tips():
            if read_offer(db, tip.id) is None:
                put_offer(unit, tip)


class _Loader:
    """One load: what is there already, and how far it has come."""

    def __init__(self, services: Services, now: datetime, say: Say, total: int) -> None:
        self._services = services
        self._now = now
        self._say = say
        self._total = total
        self._stored = self._refused = 0

    def load(self, customers: Sequence[Customer]) -> None:
        known = self._known(customers)
        # Who was erased is found by nobody, so she counts as here.
        goes_on = len(known) < self._total - sum(map(is_erased, customers))
        for done, customer in enumerate(customers):
            if goes_on and done % _TELL_EVERY == 0:
                self._say(f"demo: {done} of {self._total} customers")
            try:
                self._load(customer, known.get(customer.number))
            except ConflictError:
                # Another load is at work on the same customers; it brings her.
                continue
        told = f"{self._stored:,} signals stored, {self._refused:,} refused for want of a consent"
        self._say(f"demo: {self._total} of {self._total} customers; {told}")

    def _load(self, customer: Customer, known: UUID | None) -> None:
        if known is None:
            known = self._live(customer)
        elif customer.key:
            self._in(lambda clockwork: renew_contacts(clockwork, customer, known, self._now))
        if known is not None and is_erased(customer):
            # Afterwards nobody can find her; the story still has to know which subject she was.
            notes.keep(self._services.config.home, customer.key or customer.number, known)
            self._in(lambda clockwork: erase(clockwork, customer, known))

    def _live(self, customer: Customer) -> UUID | None:
        """None for a customer who was here and is erased."""
        with self._services.database.transaction() as db:
            clockwork = Clockwork(self._services, db, self._services.policies.in_force(db))
            if is_suppressed(clockwork.at(self._now), NUMBER, customer.number):
                return None
            lived = live(clockwork, customer)
        self._stored += lived.stored
        self._refused += lived.refused
        return lived.subject

    def _in(self, work: Callable[[Clockwork], None]) -> None:
        with self._services.database.transaction() as db:
            work(Clockwork(self._services, db, self._services.policies.in_force(db)))

    def _known(self, customers: Sequence[Customer]) -> dict[str, UUID]:
        with self._services.unit(system_actor("demo")) as unit:
            return dict(find_by_identifiers(unit, NUMBER, [customer.number for customer in customers]))
