"""The bounds of keys: how long an unwrapped one is remembered, how often one may encrypt, in which state it
may do what, and what happens when the provider is away."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from service.crypto.data_key import place
from service.crypto.keks import ACTIVE, COMPROMISED, DEACTIVATED, DESTROYED, WrappedKey
from service.crypto.key_settings import KeySettings
from service.crypto.keyring import Keyring
from service.errors import KeyExhaustedError, KeysUnavailableError, UnreadableError
from tests.crypto.books import SETTINGS, MemoryBook
from tests.crypto.far import FarAway

OWNER, OTHER = UUID(int=1), UUID(int=2)
HERE = place("t", "c", OWNER, 1)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def far() -> FarAway:
    return FarAway("far-1", "far-2")


@pytest.fixture
def book() -> MemoryBook:
    return MemoryBook()


def ring(far: FarAway, book: MemoryBook, clock: Clock, **settings: float) -> Keyring:
    return Keyring([far], book, replace(SETTINGS, **settings), clock)  # type: ignore[arg-type]


def test_many_are_unwrapped_by_one_call_and_remembered(far: FarAway, book: MemoryBook, clock: Clock) -> None:
    keys = ring(far, book, clock)
    asked = [(owner, keys.new_data_key(owner)[1]) for owner in (uuid4() for _ in range(50))]
    far.calls.clear()
    keys.unwrap_many(asked)
    assert far.calls == [50]
    keys.unwrap_many(asked)
    assert far.calls == [50]


def test_memory_is_bounded_in_count(far: FarAway, book: MemoryBook, clock: Clock) -> None:
    keys = ring(far, book, clock, cache_size=10)
    asked = [(owner, keys.new_data_key(owner)[1]) for owner in (uuid4() for _ in range(30))]
    keys.unwrap_many(asked)
    assert len(keys.cache) == 10
    far.calls.clear()
    keys.unwrap(*asked[-1])
    assert far.calls == []
    keys.unwrap(*asked[0])
    assert far.calls == [1]


def test_memory_is_bounded_in_time_whatever_the_use(far: FarAway, book: MemoryBook, clock: Clock) -> None:
    keys = ring(far, book, clock, cache_seconds=60)
    wrapped = keys.new_data_key(OWNER)[1]
    keys.unwrap(OWNER, wrapped)
    far.calls.clear()
    for _ in range(5):
        clock.now += 11
        keys.unwrap(OWNER, wrapped)
    assert far.calls == []
    clock.now += 5
    keys.unwrap(OWNER, wrapped)
    assert far.calls == [1]
    clock.now += 60
    keys.check()
    assert len(keys.cache) == 0


@pytest.mark.parametrize("bound", [{"cache_size": 0}, {"cache_seconds": 0}])
def test_memory_can_be_turned_off(
    far: FarAway, book: MemoryBook, clock: Clock, bound: dict[str, float]
) -> None:
    keys = ring(far, book, clock, **bound)
    wrapped = keys.new_data_key(OWNER)[1]
    far.calls.clear()
    keys.unwrap(OWNER, wrapped)
    keys.unwrap(OWNER, wrapped)
    assert far.calls == [1, 1]


def test_only_the_very_wrapped_key_that_was_read_is_answered_from_memory(
    far: FarAway, book: MemoryBook, clock: Clock
) -> None:
    keys = ring(far, book, clock)
    wrapped = keys.new_data_key(OWNER)[1]
    keys.unwrap(OWNER, wrapped)
    for other in (wrapped._replace(wrapped=b"\x01" * 61), keys.new_data_key(OTHER)[1]):
        with pytest.raises(UnreadableError):
            keys.unwrap(OWNER, other)
    with pytest.raises(UnreadableError):
        keys.unwrap(OTHER, wrapped)


def test_an_erased_owner_is_forgotten(far: FarAway, book: MemoryBook, clock: Clock) -> None:
    keys = ring(far, book, clock)
    keys.unwrap(OWNER, keys.new_data_key(OWNER)[1])
    keys.forget(OWNER)
    assert len(keys.cache) == 0


def test_a_provider_that_is_away_means_no_key_unless_remembered(
    far: FarAway, book: MemoryBook, clock: Clock
) -> None:
    keys = ring(far, book, clock, cache_seconds=60)
    known, unknown = keys.new_data_key(OWNER)[1], keys.new_data_key(OTHER)[1]
    keys.unwrap(OWNER, known)
    keys.check()
    far.down = True
    keys.unwrap(OWNER, known)
    for ask in (
        lambda: keys.unwrap(OTHER, unknown),
        lambda: keys.unwrap_many([(OWNER, known), (OTHER, unknown)]),
        lambda: keys.new_data_key(uuid4()),
        keys.check,
    ):
        with pytest.raises(KeysUnavailableError):
            ask()
    clock.now += 61
    with pytest.raises(KeysUnavailableError):
        keys.unwrap(OWNER, known)
    far.down = False
    keys.unwrap(OWNER, known)
    keys.check()


def test_one_bad_key_among_many_leaves_the_others_remembered(
    far: FarAway, book: MemoryBook, clock: Clock
) -> None:
    keys = ring(far, book, clock)
    good, bad = keys.new_data_key(OWNER)[1], keys.new_data_key(OWNER)[1]
    with pytest.raises(UnreadableError):
        keys.unwrap_many([(OWNER, good), (OTHER, bad)])
    far.calls.clear()
    keys.unwrap(OWNER, good)
    assert far.calls == []


@pytest.mark.parametrize("state", [DEACTIVATED, COMPROMISED])
def test_a_key_that_is_no_longer_active_unwraps_but_does_not_wrap(
    far: FarAway, book: MemoryBook, clock: Clock, state: str
) -> None:
    keys = ring(far, book, clock, cache_size=0)
    wrapped = keys.new_data_key(OWNER)[1]
    book.add("far-2", "far", ACTIVE)
    book.set("far-1", state)
    keys.look_again()
    keys.unwrap(OWNER, wrapped)
    assert keys.new_data_key(OTHER)[1].kek == "far-2"
    assert book.reserve("far-1", 1, 10) == 0


def test_a_destroyed_key_opens_nothing_even_where_it_is_still_in_memory(
    far: FarAway, book: MemoryBook, clock: Clock
) -> None:
    keys = ring(far, book, clock, cache_size=0)
    wrapped = keys.new_data_key(OWNER)[1]
    book.add("far-2", "far", ACTIVE)
    book.set("far-1", DESTROYED)
    clock.now += 61
    with pytest.raises(UnreadableError):
        keys.unwrap(OWNER, wrapped)


def test_a_new_key_is_met_without_a_restart_and_a_made_up_one_is_not_looked_up_for_ever(
    far: FarAway, book: MemoryBook, clock: Clock
) -> None:
    here, there = ring(far, book, clock), ring(far, book, clock)
    here.new_data_key(OWNER)
    there.new_data_key(OWNER)
    book.add("far-2", "far", ACTIVE)
    here.look_again()
    wrapped = here.new_data_key(OTHER)[1]
    assert wrapped.kek == "far-2"
    there.unwrap(OTHER, wrapped)
    book.reads = 0
    for _ in range(20):
        with pytest.raises(UnreadableError):
            there.unwrap(OTHER, WrappedKey("made-up", b"x"))
    assert book.reads == 1


def test_who_wraps_takes_up_a_new_key_within_seconds(far: FarAway, book: MemoryBook, clock: Clock) -> None:
    keys = ring(far, book, clock)
    keys.new_data_key(OWNER)
    book.add("far-2", "far", ACTIVE)
    clock.now += keys.settings.view_seconds + 0.1
    assert keys.new_data_key(OWNER)[1].kek == "far-2"


def test_encryptions_are_counted_before_they_are_made_and_refused_at_the_limit(
    far: FarAway, book: MemoryBook, clock: Clock
) -> None:
    first, second = ring(far, book, clock, kek_limit=100), ring(far, book, clock, kek_limit=100)
    made = 0
    for keys in (first, second, first, second):
        try:
            for _ in range(60):
                keys.new_data_key(uuid4())
                made += 1
        except KeyExhaustedError:
            continue
        assert made <= book.keks["far-1"].invocations <= 100
    assert made == 100
    for keys in (first, second):
        with pytest.raises(KeyExhaustedError):
            keys.new_data_key(OWNER)
    book.add("far-2", "far", ACTIVE)
    assert first.new_data_key(OWNER)[1].kek == "far-2"


def test_reservations_are_few(far: FarAway, book: MemoryBook, clock: Clock) -> None:
    keys = ring(far, book, clock)
    asked: list[int] = []
    reserve = book.reserve
    book.reserve = lambda kek, most, limit: asked.append(most) or reserve(kek, most, limit)  # type: ignore
    for _ in range(10_000):
        keys.new_data_key(OWNER)
    assert len(asked) < 10


def test_a_data_key_seals_no_more_than_its_limit(far: FarAway, book: MemoryBook, clock: Clock) -> None:
    keys = ring(far, book, clock, data_key_limit=50)
    key, _ = keys.new_data_key(OWNER)
    for _ in range(50):
        key.seal(b"x", HERE)
    sealed = None
    with pytest.raises(KeyExhaustedError):
        sealed = key.seal(b"x", HERE)
    assert sealed is None
    keys.new_data_key(OTHER)[0].seal(b"x", HERE)


def test_sampling_counts_well_enough(far: FarAway, book: MemoryBook, clock: Clock) -> None:
    """At 1 of 16, a quarter of a million encryptions are counted within 5 % (six standard deviations)."""
    keys = ring(far, book, clock, data_key_limit=16 * 65_536)
    key, _ = keys.new_data_key(OWNER)
    for _ in range(250_000):
        key.seal(b"", HERE)
    assert abs(book.seals[OWNER] - 250_000) < 12_500


def test_by_default_one_encryption_in_65536_is_written_down() -> None:
    keys = Keyring([FarAway()], MemoryBook(), KeySettings(providers="file:unused"))
    assert keys._seals.sampled == b"\x00\x00"
    assert keys._seals._weight == 65_536
