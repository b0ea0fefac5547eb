"""`samtycke receipt verify`: a true receipt passes, and one changed anywhere does not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.cli.receipt import receipt as command
from service.consent_states import ConsentState
from service.instants import show_instant
from service.receipts import ShownNotice, Source, build_kantara, build_receipt, canonical, digest_of
from service.receipts.proof import with_proof
from service.use_cases.notices import notice_of
from tests.receipts.log import NAME, Log

POLICY_FILE = Path(__file__).parents[2] / "service" / "embedded" / "demo" / "policy.yaml"
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(Ed25519PrivateKey.generate())


@pytest.fixture(scope="module")
def source() -> Source:
    document = yaml.safe_load(POLICY_FILE.read_text(encoding="utf-8"))
    notice = notice_of(document, "personal_offers")
    return Source(
        event=UUID(int=1),
        subject=UUID(int=2),
        number=1,
        recorded_at=AT,
        previous=bytes(32),
        digest=hashlib.sha256(b"chain").digest(),
        kind="purpose",
        name="personal_offers",
        state=ConsentState.GIVEN,
        explicit=False,
        at=AT,
        expires_at=AT.replace(year=2027),
        origin="app",
        notice=ShownNotice(2, "sv", True, 0, notice.texts["sv"], notice.hashes["sv"]),
        document=document,
    )


SAID = {
    "kind": "consent",
    "purpose": "personal_offers",
    "status": "given",
    "state": "ConsentGiven",
    "explicit": False,
    "origin": "app",
    "at": "2026-11-22T09:00:00Z",
    "expires_at": "2027-11-22T09:00:00Z",
    "actor": {"role": "customer", "sub": "x"},
}


@pytest.fixture(scope="module")
def true_one(source: Source, log: Log) -> dict[str, Any]:
    said = SAID | {"notice": {"version": 2, "locale": "sv", "revision": 0, "sha256": source.notice.sha256}}
    return with_proof(build_receipt(source), source, said, log.evidence(event_of(source, said), 4))


def event_of(source: Source, said: dict[str, Any]) -> dict[str, Any]:
    at = show_instant(source.recorded_at)
    return {"id": source.event_id, "recorded_at": at, "digest": source.digest.hex(), "said": said}


Verify = Callable[..., Result]


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    def run(document: Any, *options: str) -> Result:
        file = tmp_path / "receipt.jsonld"
        file.write_bytes(document if isinstance(document, bytes) else canonical(document))
        return CliRunner().invoke(command, ["verify", str(file), *options])

    return run


def test_a_true_receipt_is_proven(verify: Verify, true_one: dict[str, Any], log: Log) -> None:
    result = verify(true_one, "--key", log.key)
    assert result.exit_code == 0, result.output
    assert "at place 4 of 7" in result.output
    assert f"{NAME} has signed" in result.output
    assert "ConsentGiven for personal_offers, 2026-11-22T09:00:00Z" in result.output
    assert "This receipt is true" in result.output


@pytest.mark.parametrize("position", range(7))
def test_wherever_it_stands_in_the_log(
    verify: Verify, source: Source, true_one: dict[str, Any], log: Log, position: int
) -> None:
    said = true_one["proof"]["event"]["said"]
    evidence = log.evidence(event_of(source, said), position)
    document = with_proof(build_receipt(source), source, said, evidence)
    assert verify(document, "--key", log.key).exit_code == 0


RECORD = ("dpv:hasRecordOfActivity", 0)
LEDGER = ("proof", "ledger")


@pytest.mark.parametrize("repaired", [False, True], ids=["as changed", "with a new digest"])
@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        ((*RECORD, "dpv:hasConsentStatus", 0, "@type"), ["dpv:ConsentWithdrawn"], "the state"),
        ((*RECORD, "dpv:hasConsentStatus", 0, "dpv:isIndicatedAtTime"), "2026-11-21T09:00:00Z", "the time"),
        ((*RECORD, "dpv:hasConsentStatus", 0, "dpv:hasIndicationMethod"), "till", "where it was said"),
        (
            (*RECORD, "dpv:hasConsentStatus", 0, "@type", 1),
            "dpv:ExplicitlyExpressedConsent",
            "whether it was explicit",
        ),
        ((*RECORD, "dpv:hasConsentStatus", 0, "dpv:hasDuration", 1, "rdf:value"), "2099", "how long"),
        ((*RECORD, "dpv:hasNotice", 0, "dct:description", "@value"), "Allt.", "the words of the text"),
        ((*RECORD, "dpv:hasNotice", 0, "dct:hasVersion"), "3", "the version of the text"),
        ((*RECORD, "dpv:hasProcess", 0, "dpv:hasPurpose", 0, "dct:identifier"), "more", "the purpose"),
        (("dct:created",), "2026-11-23T09:00:00Z", "the time of recording"),
    ],
)
def test_a_changed_word_shows_even_with_a_digest_to_fit(
    verify: Verify,
    true_one: dict[str, Any],
    log: Log,
    where: tuple[Any, ...],
    value: Any,
    says: str,
    repaired: bool,
) -> None:
    document = changed(true_one, where, value)
    if repaired:
        document["proof"]["digest"] = digest_of(document)
    result = verify(document, "--key", log.key)
    assert result.exit_code == 1, result.output
    assert says in result.output
    assert "This receipt is false" in result.output


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("proof", "event", "said", "origin"), "till", "not about this event"),
        (("proof", "event", "digest"), "0" * 64, "not about this event"),
        (("proof", "salt"), "1" * 64, "not about this event"),
        (("proof", "commitment"), "1" * 64, "not about this event"),
        (("proof", "promise"), f"{NAME}/promise\n\n", "the promise is not signed"),
        ((*LEDGER, "position"), 5, "does not lead"),
        ((*LEDGER, "position"), 10**30, "does not lead"),
        ((*LEDGER, "size"), 6, "does not lead"),
        ((*LEDGER, "path"), [], "does not lead"),
        ((*LEDGER, "path", 0), "0" * 64, "does not lead"),
        ((*LEDGER, "root"), "0" * 64, "does not lead"),
        ((*LEDGER, "checkpoint"), f"{NAME}\n7\nAAAA\n\n", "not signed"),
    ],
)
def test_a_proof_that_does_not_fit_is_false(
    verify: Verify, true_one: dict[str, Any], log: Log, where: tuple[Any, ...], value: Any, says: str
) -> None:
    result = verify(changed(true_one, where, value), "--key", log.key)
    assert result.exit_code == 1
    assert says in result.output


def test_a_forger_with_a_log_of_his_own_needs_the_key(
    verify: Verify, true_one: dict[str, Any], log: Log
) -> None:
    forger = Log(Ed25519PrivateKey.generate())
    assert "not signed" in verify(true_one, "--key", forger.key).output
    result = verify(true_one)
    assert result.exit_code == 3
    assert "that key came with the receipt" in result.output
    assert verify(true_one, "--key", "nonsense").exit_code == 1
    wrong_hash = log.key.replace(log.key_id.hex(), "00000000")
    assert "not a verifier key" in verify(true_one, "--key", wrong_hash).output


def test_a_checkpoint_of_another_state_proves_nothing(
    verify: Verify, true_one: dict[str, Any], log: Log
) -> None:
    other = log.prove(bytes(32), 2, size=5).checkpoint
    result = verify(changed(true_one, (*LEDGER, "checkpoint"), other), "--key", log.key)
    assert result.exit_code == 1
    assert "another state" in result.output


def test_what_cannot_be_told_is_said(verify: Verify, true_one: dict[str, Any], source: Source) -> None:
    without = deepcopy(true_one)
    del without["proof"]["ledger"]
    assert "no proof that the log holds it" in verify(without).output
    assert f"{NAME} has promised" in verify(without).output
    assert verify(without).exit_code == 3
    del without["proof"]
    assert verify(without).exit_code == 3
    kantara = verify(build_kantara(source))
    assert (kantara.exit_code, "Kantara 1.1" in kantara.output) == (3, True)


def test_what_is_no_receipt_is_said(verify: Verify, true_one: dict[str, Any]) -> None:
    assert verify({"@context": {}}).exit_code == 1
    assert "WRONG" in verify(changed(true_one, ("dct:identifier",), "x")).output


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no json",
        b"[]",
        b'{"a": 1, "a": 2}',
        b'{"a": 1.5}',
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(verify: Verify, data: bytes) -> None:
    result = verify(data)
    assert result.exit_code == 2
    assert "cannot be read" in result.output
    assert "Traceback" not in result.output


def test_a_file_gives_the_terminal_no_orders(verify: Verify, true_one: dict[str, Any], log: Log) -> None:
    name = (*RECORD, "dpv:hasDataController", "dpv:hasName")
    result = verify(changed(true_one, name, "\x1b[2Jok  proven"), "--key", log.key)
    assert "\x1b" not in result.output


def test_a_missing_file_is_said() -> None:
    result = CliRunner().invoke(command, ["verify", "/nowhere/receipt.jsonld"])
    assert result.exit_code == 2


def changed(document: dict[str, Any], where: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = deepcopy(document)
    at: Any = made
    for step in where[:-1]:
        at = at[step]
    at[where[-1]] = value
    return made


def test_a_withdrawal_is_proven_too(verify: Verify, source: Source, log: Log) -> None:
    said = SAID | {"status": "withdrawn", "state": "ConsentWithdrawn", "notice": None, "expires_at": None}
    ended = replace(source, state=ConsentState.WITHDRAWN, expires_at=None)
    document = with_proof(build_receipt(ended), ended, said, log.evidence(event_of(source, said), 6))
    assert json.loads(canonical(document)) == document
    assert verify(document, "--key", log.key).exit_code == 0


def test_a_promise_about_another_event_is_none(
    verify: Verify, true_one: dict[str, Any], source: Source, log: Log
) -> None:
    other = event_of(source, true_one["proof"]["event"]["said"]) | {"id": "cev_aaaaaaaaaaaaaaaaaaaaaaaaaa"}
    promise = log.evidence(other, 4).promise
    result = verify(changed(true_one, ("proof", "promise"), promise), "--key", log.key)
    assert (result.exit_code, "about another event" in result.output) == (1, True), result.output
