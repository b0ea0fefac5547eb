"""The ledger over HTTP, checked with nothing but what the answers hold."""

from __future__ import annotations

from typing import Any

import pytest

from service import ids
from service.actor import show_subject
from service.crypto.checkpoint import Checkpoint, open_checkpoint
from service.crypto.commitment import commit, event_payload
from service.crypto.merkle import EMPTY_ROOT, verify_consistency, verify_inclusion
from service.crypto.signed_note import NoteVerifier
from service.storage.ledger import find_leaf
from service.storage.subjects import lock_subject
from service.use_cases.erase_subject import erase_subject
from service.use_cases.seal_ledger import seal_ledger
from tests.api.helpers import Installation, pointers, problem_of
from tests.api.people import DPO
from tests.ledger.entries import answer, decide, people


def checkpoint(there: Installation) -> Checkpoint:
    found = there.client.get("/v1/ledger/checkpoint", headers=there.token("dpo"))
    assert found.status_code == 200
    assert found.content_type == "text/plain; charset=utf-8"
    return open_checkpoint(there.services.log_key.verifier, found.get_data(as_text=True))


def get(there: Installation, path: str, headers: dict[str, str]) -> Any:
    found = there.client.get(path, headers=headers)
    assert found.status_code == 200, found.get_data(as_text=True)
    return found.get_json()


def position_of(there: Installation, event: str) -> int:
    with there.services.database.connection() as db:
        leaf = find_leaf(db, ids.read(ids.CONSENT_EVENT, event))
    assert leaf is not None
    return leaf.position


def check(proof: dict[str, Any]) -> None:
    signed = open_checkpoint(NoteVerifier.read(proof["verifier"]), proof["checkpoint"])
    assert signed.size == proof["size"]
    path = [bytes.fromhex(digest) for digest in proof["path"]]
    leaf = bytes.fromhex(proof["leaf_hash"])
    assert verify_inclusion(proof["position"], signed.size, leaf, path, signed.root)


def test_an_empty_log_is_signed_as_such(there: Installation) -> None:
    assert checkpoint(there) == Checkpoint(0, EMPTY_ROOT)
    assert get(there, "/v1/ledger/consistency?from=0&to=0", there.token("dpo")) == {
        "from": 0,
        "to": 0,
        "path": [],
    }


def test_a_customer_checks_her_own_entry_with_nothing_but_the_answers(there: Installation) -> None:
    person, other = people(there, 2)
    for each in (other, person, other, person):
        event = answer(there, each)["receipt"]["event"]
    seal_ledger(there.services)
    own = there.token("customer", subject=person)
    proof = get(there, f"/v1/ledger/entries/{position_of(there, event)}/proof", own)
    check(proof)
    history = get(there, f"/v1/subjects/{show_subject(person)}/consents/history", own)["items"][-1]
    chain = {name: history.pop(name) for name in ("id", "number", "recorded_at", "previous", "digest")}
    payload = event_payload(bytes.fromhex(chain["digest"]), history)
    assert chain["id"] == proof["entry"] == event
    assert commit(bytes.fromhex(proof["salt"]), payload).hex() == proof["commitment"]


def test_the_dpo_sees_every_entry_and_that_is_recorded(there: Installation) -> None:
    person = people(there, 1)[0]
    answer(there, person)
    decide(there, person)
    seal_ledger(there.services)
    for position in (0, 1):
        check(get(there, f"/v1/ledger/entries/{position}/proof", there.token("dpo")))
    with there.services.database.connection() as db:
        assert db.execute("select count(*) from access_log where subject = %s", (person,)).fetchone() == (2,)


@pytest.mark.parametrize("position", ["1", "-1", "01", "x", "9" * 19, "9" * 40, "0x0", "\u0661"])
def test_no_other_entry_exists(there: Installation, position: str) -> None:
    person = people(there, 1)[0]
    answer(there, person)
    seal_ledger(there.services)
    for headers in (there.token("dpo"), there.token("customer", subject=person)):
        found = there.client.get(f"/v1/ledger/entries/{position}/proof", headers=headers)
        problem_of(found, 404, "not-found")


def test_the_log_only_grows_and_shows_it(there: Installation) -> None:
    person = people(there, 1)[0]
    seen = [checkpoint(there)]
    for size in (1, 3, 4, 2):
        for _ in range(size):
            decide(there, person)
        seal_ledger(there.services)
        seen.append(checkpoint(there))
    assert [each.size for each in seen] == [0, 1, 4, 8, 10]
    for old in seen:
        for new in seen:
            if old.size > new.size:
                continue
            found = get(there, f"/v1/ledger/consistency?from={old.size}&to={new.size}", there.token("dpo"))
            path = [bytes.fromhex(digest) for digest in found["path"]]
            assert verify_consistency(old.size, new.size, old.root, new.root, path)


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("", {"/from", "/to"}),
        ("?from=0", {"/to"}),
        ("?from=2&to=1", {"/from"}),
        ("?from=0&to=3", {"/to"}),
        ("?from=-1&to=1", {"/from"}),
        ("?from=0&to=99999999999999999999", {"/to"}),
    ],
)
def test_sizes_that_the_log_never_had_are_refused(there: Installation, query: str, faults: set[str]) -> None:
    person = people(there, 1)[0]
    decide(there, person)
    decide(there, person)
    seal_ledger(there.services)
    found = there.client.get(f"/v1/ledger/consistency{query}", headers=there.token("dpo"))
    assert pointers(problem_of(found, 422, "invalid-input")) == faults


def test_an_erased_persons_entries_stay_in_the_tree_and_say_nothing(there: Installation) -> None:
    person, other = people(there, 2)
    answer(there, person)
    decide(there, person)
    answer(there, other)
    seal_ledger(there.services)
    before = checkpoint(there)
    with there.services.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, person))
    answer(there, other)
    seal_ledger(there.services)
    after = checkpoint(there)
    found = get(there, f"/v1/ledger/consistency?from={before.size}&to={after.size}", there.token("dpo"))
    path = [bytes.fromhex(digest) for digest in found["path"]]
    assert verify_consistency(before.size, after.size, before.root, after.root, path)
    proofs = [get(there, f"/v1/ledger/entries/{n}/proof", there.token("dpo")) for n in range(4)]
    for proof in proofs:
        check(proof)
    assert sorted(proof["salt"] is None for proof in proofs) == [False, False, True, True]
