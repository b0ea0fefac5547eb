"""The compiled readers and the shapes are one contract: they accept and refuse the same bodies, and read the
same values out of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.candidates import CandidateShape, PairShape
from schemas.compiled import Ask, read_ask, read_ask_offers, read_candidate, read_pair
from schemas.decisions import AskShape
from schemas.offers import AskOffersShape
from service import ids
from service.api.bodies import parse_json
from service.errors import InvalidInputError, MalformedInputError

SUBJECT = "sub_n4xsw7r2j5hwzgsrbvvdyhs3o4"
_NASTY = [
    "",
    " ",
    "a",
    ".",
    "..",
    "a/b",
    "a b",
    "x" * 101,
    "x" * 201,
    "å",
    "\u00a0",
    "\u2028",
    "\x7f",
    "\x00",
    "a:b",
]
_TEXT = st.one_of(st.sampled_from(_NASTY), st.text(max_size=5))
_INSTANTS = st.sampled_from(
    [
        "2027-04-02T04:01:00Z",
        "2027-04-02t04:01:00z",
        "2027-04-02 04:01:00Z",
        "2027-04-02T04:01:00.5Z",
        "2027-04-02T04:01:00+02:00",
        "2027-02-30T04:01:00Z",
        "2027-04-02T24:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2027-04-02T04:01:00",
        "\uff12027-04-02T04:01:00Z",
        "",
    ]
)
_JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _TEXT,
    st.lists(_TEXT, max_size=2), st.just({}),
)  # fmt: skip
_GOOD: dict[str, Any] = {
    "id": "c1",
    "strategy": "coach",
    "sku": "p-1",
    "channels": ["app"],
    "data": [],
    "quantity": 1,
}
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": _TEXT,
    "strategy": st.sampled_from(["respond", "curate", "coach", "automate", "off", ""]),
    "sku": _TEXT,
    "channels": st.lists(st.sampled_from(["app", "email", "sms", ""]), max_size=4),
    "data": st.lists(_TEXT, max_size=3),
    "quantity": st.sampled_from([0, 1, 2, 10**6, 10**6 + 1, -1, 1.0, 1.5, True, 10**30]),
    "programme": st.one_of(st.none(), _TEXT),
    "expires_at": st.one_of(st.none(), _INSTANTS),
    "fallback": st.sampled_from([True, False, None, 0, 1, "true"]),
    "category": st.one_of(st.none(), _TEXT),
    "price_minor": st.sampled_from([None, 0, 1, -1, 2**63 - 1, 2**63, 1.0, 0.5]),
    "currency": st.sampled_from([None, "SEK", "XYZ", "sek", "", "SEKK"]),
    "unknown": _JUNK,
}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A good candidate with a few fields changed, mistyped, added or taken out."""
    document = dict(_GOOD)
    for name in draw(st.lists(st.sampled_from(sorted(_FIELDS)), max_size=3)):
        kind = draw(st.sampled_from(["plain", "plain", "plain", "junk", "gone"]))
        if kind == "gone":
            document.pop(name, None)
        else:
            document[name] = draw(_FIELDS[name] if kind == "plain" else _JUNK)
    return document


def _by_shape(shape: Any, text: bytes) -> Any:
    try:
        return shape.read(parse_json(text))
    except (InvalidInputError, MalformedInputError):
        return None


def _spelt(document: Any, escaped: bool) -> bytes:
    return json.dumps(document, ensure_ascii=escaped).encode("utf-8", "surrogatepass")


@settings(max_examples=1500, deadline=None)
@given(documents(), st.booleans())
def test_candidates(document: dict[str, Any], escaped: bool) -> None:
    text = _spelt(document, escaped)
    compiled, contract = read_candidate(text), _by_shape(CandidateShape(), text)
    # What the compiled reader leaves to the shape is decided by the shape; what it takes must be the same.
    assert compiled is None or compiled == contract


@settings(max_examples=300, deadline=None)
@given(st.lists(documents(), max_size=3), st.sampled_from([None, True, False, "absent", 1]), st.booleans())
def test_asks(candidates: list[dict[str, Any]], counterfactuals: Any, escaped: bool) -> None:
    document: dict[str, Any] = {"subject": SUBJECT, "candidates": candidates}
    if counterfactuals != "absent":
        document["counterfactuals"] = counterfactuals
    text = _spelt(document, escaped)
    compiled, contract = read_ask(text), _by_shape(AskShape(), text)
    assert compiled is None or (contract is not None and compiled == Ask(**contract))


_SCALARS = st.sampled_from(["absent", None, 0, 1, 1000, 1001, -1, 1.0, True, "1", 2**63 - 1, 2**63])


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(st.just("absent"), st.none(), st.lists(documents(), max_size=3)),
    _TEXT,
    st.lists(st.sampled_from(["app", "email", "a:b", ""]), max_size=3),
    _SCALARS,
    _SCALARS,
    st.booleans(),
)
def test_asks_for_offers(
    candidates: Any, programme: str, channels: list[str], limit: Any, min_epoch: Any, escaped: bool
) -> None:
    document = {
        "subject": SUBJECT,
        "programme": programme,
        "channels": channels,
        "candidates": candidates,
        "limit": limit,
        "min_epoch": min_epoch,
    }
    document = {name: value for name, value in document.items() if value != "absent"}
    text = _spelt(document, escaped)
    compiled, contract = read_ask_offers(text), _by_shape(AskOffersShape(), text)
    assert compiled is None or compiled == contract


def test_the_compiled_readers_take_what_is_plain() -> None:
    """Else the tests above would hold for readers that take nothing."""
    full = _GOOD | {
        "programme": "replenishment",
        "expires_at": "2027-04-02T04:01:00Z",
        "fallback": False,
        "category": "a:b",
        "price_minor": 5,
        "currency": "SEK",
    }
    for document in (_GOOD, full):
        compiled = read_candidate(_spelt(document, False))
        assert compiled is not None
        assert compiled == CandidateShape().load(document)
        pair = _spelt({"subject": SUBJECT, "candidate": document}, False)
        assert read_pair(pair) is not None
    ask = _spelt({"subject": SUBJECT, "candidates": [_GOOD, full], "counterfactuals": True}, False)
    assert read_ask(ask) is not None
    bare = {name: value for name, value in full.items() if name not in {"channels", "quantity", "programme"}}
    offers = {"subject": SUBJECT, "programme": "a:b", "channels": ["app", "c:d"], "candidates": [bare, full]}
    for more in ({}, {"limit": 5}, {"limit": 5, "min_epoch": 0}):
        text = _spelt(offers | more, False)
        compiled_ask = read_ask_offers(text)
        assert compiled_ask is not None
        assert compiled_ask == AskOffersShape().load(offers | more)
    del offers["candidates"]
    assert read_ask_offers(_spelt(offers, False)) == AskOffersShape().load(offers)


@pytest.mark.parametrize(
    "twice",
    [
        '{"id":"c1","id":"c1","strategy":"coach","sku":"p","channels":["app"],"data":[],"quantity":1}',
        '{"id":"c1","strategy":"coach","sku":"p","channels":["app"],"data":[],"quantity":1,"quantity" : 2}',
        '{"id":"a:b","id":"c1","strategy":"coach","sku":"p","channels":["app"],"data":[],"quantity":1}',
        '{"id":"c1","strategy":"coach","sku":"p","channels":["app"],"data":["\\u003a"],"quantity":1,"quantity":2}',
    ],
)
def test_keys_that_stand_twice(twice: str) -> None:
    assert read_candidate(twice.encode()) is None
    assert _by_shape(CandidateShape(), twice.encode()) is None
    pair = f'{{"subject":"{SUBJECT}","candidate":{twice}}}'.encode()
    read = read_pair(pair)
    assert read is None or read_candidate(read[1]) is None
    assert read_ask(f'{{"subject":"{SUBJECT}","candidates":[{twice}]}}'.encode()) is None
    offers = f'{{"subject":"{SUBJECT}","programme":"a:b","channels":["app"],"candidates":[{twice}]}}'
    assert read_ask_offers(offers.encode()) is None
    again = f'{{"subject":"{SUBJECT}","programme":"b","programme":"a:b","channels":["app"]}}'
    assert read_ask_offers(again.encode()) is None


def test_pairs() -> None:
    pair = {"subject": SUBJECT, "candidate": _GOOD}
    read = read_pair(_spelt(pair, False))
    assert read is not None
    contract = PairShape().load(pair)
    assert (read[0], read_candidate(read[1])) == (contract["subject"], contract["candidate"])
    assert read[0] == ids.read(ids.SUBJECT, SUBJECT)
    for bad in ({"subject": "sub_x", "candidate": {}}, {"subject": SUBJECT}, pair | {"more": 1}, []):
        assert read_pair(_spelt(bad, False)) is None
    twice = f'{{"subject":"{SUBJECT}","subject":"{SUBJECT}","candidate":{{}}}}'.encode()
    assert read_pair(twice) is None
