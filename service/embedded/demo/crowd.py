"""Three hundred further customers, made up from a seed: the same seed and instant make the same people."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from service.embedded.demo.choices import choose
from service.embedded.demo.customer import NUMBER, Customer, Happened, Step, in_order
from service.embedded.demo.goods import Good, catalogue
from service.embedded.demo.histories import KINDS, Life, habit, logs, purchases
from service.embedded.demo.people import years_before
from service.instants import whole_second
from service.use_cases.register_subject import Identifier

SIZE = 300
SEED = "samtycke-demo/1"

_COUNTRIES = {
    "SE": ("Europe/Stockholm", ("sv", "en", "fi"), (0.90, 0.07, 0.03), 0.40),
    "FI": ("Europe/Helsinki", ("fi", "sv", "en"), (0.80, 0.15, 0.05), 0.20),
    "NO": ("Europe/Oslo", ("nb", "en"), (0.93, 0.07), 0.20),
    "DK": ("Europe/Copenhagen", ("da", "en"), (0.93, 0.07), 0.20),
}
_FIRST = {
    "sv": ("Anna", "Karin", "Lars", "Johan", "Märta", "Nils", "Birgitta", "Oskar", "Sofia", "Åke"),
    "fi": ("Anneli", "Jukka", "Päivi", "Matti", "Sanna", "Tuomas", "Helmi", "Ville", "Kaisa", "Eero"),
    "nb": ("Ingrid", "Lars", "Kari", "Ola", "Silje", "Magnus", "Gro", "Håkon", "Turid", "Jonas"),
    "da": ("Mette", "Jens", "Karen", "Niels", "Signe", "Anders", "Bodil", "Mads", "Lærke", "Poul"),
    "en": ("Alice", "Robert", "Grace", "Daniel", "Priya", "Omar", "Helen", "Victor", "Nora", "Samuel"),
}
_LAST = {
    "SE": ("Andersson", "Bergström", "Ekman", "Forsberg", "Nyström", "Wallin", "Åberg"),
    "FI": ("Korhonen", "Virtanen", "Laine", "Heikkinen", "Järvinen", "Ahonen", "Mattila"),
    "NO": ("Hansen", "Berg", "Haugen", "Solberg", "Lie", "Moen", "Bakken"),
    "DK": ("Jensen", "Nielsen", "Mortensen", "Kjær", "Lund", "Dahl", "Østergaard"),
}
_ASCII = str.maketrans("åäæöø", "aaaoo")
_JOINED_DAYS = (180, 275)
_NEW_DAYS = (20, 50)


def crowd(now: datetime, size: int = SIZE, seed: str = SEED) -> Iterator[Customer]:
    """The customers, each from a generator of her own, so that their number changes none of them."""
    for position in range(1, size + 1):
        # Not for secrets: the same people every time is the point.
        yield _customer(random.Random(f"{seed}/{position}"), position, now)  # noqa: S311


def _customer(rng: random.Random, position: int, now: datetime) -> Customer:
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    country = rng.choices(list(_COUNTRIES), [entry[3] for entry in _COUNTRIES.values()])[0]
    timezone, locales, weights, _ = _COUNTRIES[country]
    locale = rng.choices(locales, weights)[0]
    number = f"T-{100_000 + position}"
    days = rng.randrange(*(_NEW_DAYS if kind == "new" else _JOINED_DAYS))
    since = (now - timedelta(days=days)).replace(hour=rng.randrange(7, 20), minute=rng.randrange(60))
    since = whole_second(since)
    name = f"{rng.choice(_FIRST[locale])}.{rng.choice(_LAST[country])}".lower().translate(_ASCII)
    life = Life(rng, kind, locale, number, since, now)
    return Customer(
        number=number,
        identifiers=(
            Identifier(NUMBER, number),
            Identifier("email", f"{name}.{position}@example.net"),
        ),
        locale=locale,
        country=country,
        timezone=timezone,
        birth_date=years_before(now.date(), rng.randrange(19, 86)) - timedelta(days=rng.randrange(1, 365)),
        since=since,
        steps=in_order([*choose(life), *_days(life)]),
    )


def _days(life: Life) -> Iterator[Step]:
    rng, now, number = life.rng, life.now, life.number
    span = now - life.since
    habits = [habit(life, good) for good in _basket(rng)]
    for each in habits:
        yield from purchases(life, each)
    if life.kind == "incomplete_logger" or rng.random() < 0.1:
        yield from logs(life, habits[0])
    if life.kind == "open_complaint":
        at = now - timedelta(days=rng.uniform(0.5, 9))
        yield Step(at, Happened("complaint_opened", f"{number}-c", {"reference": f"K-{number[2:]}"}))
    if rng.random() < 0.4:
        club = {"programme": "club", "status": "joined"}
        yield Step(life.since + span * rng.uniform(0.05, 0.9), Happened("loyalty", f"{number}-l", club))
    if rng.random() < 0.3:
        rating = {"metric": "nps", "score": rng.randrange(4, 11)}
        yield Step(life.since + span * rng.uniform(0.3, 0.99), Happened("rating", f"{number}-r", rating))


def _basket(rng: random.Random) -> list[Good]:
    """One to three products; what is for adults' weight or on prescription is left to themselves."""
    goods = [good for good in catalogue().values() if good.category not in {"health.rx", "slimming"}]
    return rng.sample(goods, rng.choices((1, 2, 3), (0.4, 0.4, 0.2))[0])
