"""Whether a receipt is true, as far as the file and a public key can tell. Nothing is asked of anybody."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.receipts.canonical import PROOF, canonical, digest_of
from service.receipts.inclusion import (
    ProofError,
    check_checkpoint,
    check_commitment,
    check_inclusion,
    check_promise,
)


@dataclass(slots=True)
class Verdict:
    """What was found: `right`, `wrong`, and what could not be told. Proven: nothing is wrong, and a key that
    did not come with the receipt says that the log holds the event."""

    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    in_log: bool = False

    @property
    def proven(self) -> bool:
        return self.in_log and not self.wrong


def verify_receipt(receipt: Mapping[str, Any], key: str | None) -> Verdict:
    """A receipt that its schema has found valid. `key` is the log's, from wherever one trusts."""
    verdict = Verdict()
    proof = receipt.get(PROOF)
    if proof is None:
        verdict.untold.append("the receipt carries no proof")
        return verdict
    if digest_of(receipt) == proof["digest"]:
        verdict.right.append("it fits the digest that it carries")
    else:
        verdict.wrong.append("it was changed: it does not fit the digest that it carries")
    verdict.wrong += [f"the receipt and the recorded event differ in {name}" for name in _differing(receipt)]
    if not verdict.wrong:
        verdict.right.append("it says what the recorded event says")
    _check_log(verdict, proof, key)
    return verdict


def _check_log(verdict: Verdict, proof: Mapping[str, Any], key: str | None) -> None:
    ledger, trusted = proof.get("ledger"), key or proof["key"]
    try:
        commitment = check_commitment(proof)
        name = check_promise(proof, commitment, trusted)
        verdict.right.append(f"{name} has promised that its log will hold this event")
        if ledger is None:
            verdict.untold.append("it carries no proof that the log holds it; ask for the receipt again")
        else:
            check_inclusion(commitment, ledger)
            check_checkpoint(ledger, trusted)
            place = f"at place {ledger['position']} of {ledger['size']}"
            verdict.right.append(f"the log holds it, {place}, and {name} has signed that state of its log")
            verdict.in_log = key is not None
        if key is None:
            verdict.untold.append(
                f"that key came with the receipt; compare it, or give one by --key: {trusted}"
            )
    except ProofError as error:
        verdict.wrong.append(str(error))


def _differing(receipt: Mapping[str, Any]) -> list[str]:
    """Where the readable part says something else than the event that the proof is about."""
    [record] = receipt["dpv:hasRecordOfActivity"]
    [status], [notice] = record["dpv:hasConsentStatus"], record["dpv:hasNotice"]
    event = receipt[PROOF]["event"]
    said = event["said"]
    kind = "purpose" if said.get("purpose") else "channel"
    purposes = [each for each in record["dpv:hasProcess"][0]["dpv:hasPurpose"] if isinstance(each, Mapping)]
    until = [
        each["rdf:value"] for each in status["dpv:hasDuration"] if each["@type"] == "dpv:UntilTimeDuration"
    ]
    given = str(said.get("state")) in {"ConsentGiven", "RenewedConsentGiven"}
    explicit = "dpv:ExplicitlyExpressedConsent" in status["@type"]
    shown = said.get("notice") or {}
    found = {
        "the event": (status["dct:identifier"], event["id"]),
        "the time of recording": (receipt["dct:created"], event["recorded_at"]),
        "the state": (status["@type"][0], f"dpv:{said.get('state')}"),
        f"the {kind}": ([each["dct:identifier"] for each in purposes], [said.get(kind)]),
        "the time": (status["dpv:isIndicatedAtTime"], said.get("at")),
        "how long it counts": (until, [said["expires_at"]] if given and said.get("expires_at") else []),
        "whether it was explicit": (explicit, given and said.get("explicit") is True),
        "where it was said": (status["dpv:hasIndicationMethod"], said.get("origin")),
    }
    if shown:
        found["the version of the text"] = (notice["dct:hasVersion"], str(shown.get("version")))
        found["the language of the text"] = (notice["dct:language"], shown.get("locale"))
        if shown.get("sha256"):
            found["the words of the text"] = (_words_hash(notice), shown["sha256"])
    return [name for name, (here, there) in found.items() if here != there]


def _words_hash(notice: Mapping[str, Any]) -> str:
    names = {"dct:title": "title", "dct:abstract": "summary", "dct:description": "notice"}
    texts = {own: notice[key]["@value"] for key, own in names.items() if key in notice}
    return hashlib.sha256(canonical(texts)).hexdigest()
