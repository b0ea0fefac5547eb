"""Waits against an oracle that knows nothing but the definition and steps through time minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings

from service.policy import Outcome, Quiet, evaluate, load_policy, read_candidate, read_now, read_state
from service.policy.quiet import arc_of, cover_the_day, quiet_until
from tests.policy.generators import CHANNELS, INSTANTS, ZONES, Case, Dice, chance, make_quiet, randoms, show

MINUTE = timedelta(minutes=1)
Holds = Callable[[datetime], bool]


def is_quiet(quiet: dict[str, str], zone: ZoneInfo, at: datetime) -> bool:
    local, start, end = f"{at.astimezone(zone):%H:%M}", quiet["from"], quiet["to"]
    if start <= end:
        return start <= local < end
    return not end <= local < start


def is_capped(count: int, hours: int, contacts: list[datetime], at: datetime) -> bool:
    return sum(at - timedelta(hours=hours) < contact <= at for contact in contacts) >= count


def make_waiting_case(rng: Dice) -> Case:
    """A candidate that only waits can hold back: one channel, small caps, quiet hours, odd zones."""
    now = rng.choice(INSTANTS) + timedelta(minutes=rng.randrange(-1500, 1500))

    def caps() -> list[dict[str, int]]:
        return [
            {"count": rng.randrange(1, 4), "hours": rng.choice((1, 5, 24, 30))}
            for _ in range(rng.randrange(3))
        ]

    policy = {
        "format": "samtycke-policy/1",
        "default_level": "automate",
        "purposes": {"deliver": {"basis": "contract"}},
        "programmes": {"refill": {"ladder": {"curate": ["deliver"]}}},
        "categories": {"health": None},
        "channels": {
            "email": {
                "opt_in": False,
                "caps": caps(),
                "quiet": make_quiet(rng) if chance(rng, 70) else None,
            }
        },
        "contact_caps": caps(),
    }
    state = {
        "subject": "s1",
        "status": "active",
        "timezone": rng.choice(ZONES),
        "quiet": make_quiet(rng) if chance(rng, 60) else None,
        "max_per_week": None,
        "contacts": [
            {"at": show(now + timedelta(minutes=rng.randrange(-1800, 60))), "channel": rng.choice(CHANNELS)}
            for _ in range(rng.randrange(6))
        ],
    }
    candidate = {
        "id": "c1",
        "programme": "refill",
        "strategy": "curate",
        "category": "health",
        "sku": "p1",
        "channels": ["email"],
        "data": [],
        "quantity": 1,
        "price_minor": 0,
        "currency": "SEK",
    }
    return Case(policy, state, candidate, now)


def waits_of(case: Case) -> list[tuple[str, Holds]]:
    """Every wait on the channel as a question about an instant."""
    state, channel = case.state_document, case.policy_document["channels"]["email"]
    assert state is not None
    zone = ZoneInfo(state["timezone"])
    past = [(read_now(entry["at"]), entry["channel"]) for entry in state["contacts"]]
    everywhere = [at for at, _ in past if at <= case.now]
    here = [at for at, name in past if at <= case.now and name == "email"]

    def cap_holds(cap: dict[str, int], contacts: list[datetime]) -> Holds:
        return lambda at: is_capped(cap["count"], cap["hours"], contacts, at)

    def quiet_holds(quiet: dict[str, str]) -> Holds:
        return lambda at: is_quiet(quiet, zone, at)

    waits = [("frequency_cap", cap_holds(cap, here)) for cap in channel["caps"]]
    waits += [("frequency_cap", cap_holds(cap, everywhere)) for cap in case.policy_document["contact_caps"]]
    waits += [("quiet_hours", quiet_holds(quiet)) for quiet in (channel["quiet"], state["quiet"]) if quiet]
    return waits


def oracle(case: Case) -> tuple[datetime, set[str]] | None:
    """The first free minute and the waits met, by the words of decision.md; None: never within a week."""
    waits, at, met = waits_of(case), case.now, set()
    horizon = case.now + timedelta(days=7)
    while holding := [(code, holds) for code, holds in waits if holds(at)]:
        met |= {code for code, _ in holding}
        ends = []
        for _, holds in holding:
            end = at
            while holds(end):
                end += MINUTE
                if end > horizon:
                    return None
            ends.append(end)
        at = max(ends)
        if at > horizon:
            return None
    return at, met


def first_free_minute(case: Case) -> datetime | None:
    waits = waits_of(case)
    for minutes in range(4 * 24 * 60):
        at = case.now + minutes * MINUTE
        if not any(holds(at) for _, holds in waits):
            return at
    return None


@settings(max_examples=400, derandomize=True, deadline=None)
@given(randoms.map(make_waiting_case))
def test_jumping_finds_what_stepping_finds(case: Case) -> None:
    policy = load_policy(case.policy_document)
    decision = evaluate(
        policy, read_state(case.state_document), read_candidate(case.candidate_document), case.now
    )
    met, codes = oracle(case), {reason.code for reason in decision.reasons}
    if met is None:
        assert decision.outcome is Outcome.deny
        assert "quiet_hours" in codes
        assert first_free_minute(case) is None
        return
    assert (decision.not_before or case.now, codes) == met
    assert decision.outcome is (Outcome.allow if met[0] == case.now else Outcome.defer)
    assert met[0] == first_free_minute(case)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(randoms)
def test_quiet_hours_end_at_the_first_second_outside(rng: Dice) -> None:
    zone, quiet = ZoneInfo(rng.choice(ZONES)), make_quiet(rng)
    arc = arc_of(Quiet(quiet["from"], quiet["to"]))
    at = rng.choice(INSTANTS) + timedelta(seconds=rng.randrange(-7200, 7200))
    end = None if arc is None else quiet_until(arc, zone, at)
    if end is None:
        assert not is_quiet(quiet, zone, at)
        return
    assert end > at
    assert not is_quiet(quiet, zone, end)
    inside = [end - timedelta(seconds=1)]
    while inside[-1] - MINUTE > at:
        inside.append(inside[-1] - MINUTE)
    assert all(is_quiet(quiet, zone, each) for each in [at, *inside])


@settings(max_examples=300, derandomize=True, deadline=None)
@given(randoms)
def test_two_arcs_cover_the_day_if_every_minute_lies_in_one(rng: Dice) -> None:
    one, other = make_quiet(rng), make_quiet(rng)
    arcs = [arc_of(Quiet(quiet["from"], quiet["to"])) for quiet in (one, other)]
    if arcs[0] is None or arcs[1] is None:
        return
    day = [datetime(2027, 6, 1, tzinfo=UTC) + minute * MINUTE for minute in range(1440)]
    utc = ZoneInfo("UTC")
    assert cover_the_day(*arcs) == all(is_quiet(one, utc, at) or is_quiet(other, utc, at) for at in day)
