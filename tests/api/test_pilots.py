"""The report on pilots over HTTP and on the command line, and offers that an event proposes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from service.actor import show_subject, system_actor
from service.bootstrap import Services
from service.cli.pilot import pilot
from service.policy.pilots import Arm
from service.storage.pilots import count_outcome, count_person
from tests.api.helpers import Tokens, pointers, problem_of
from tests.api.people import add_person

ROUTE = "/v1/pilots"
PILOT = Arm("replenishment", "automate", "*", "pilot")
FEW = Arm("replenishment", "coach", "beauty", "shadow")


@pytest.fixture
def counted(services: Services) -> None:
    """Ten people in the pilot, with twelve proposals of which nine were taken; one person in the shadow."""
    people = [add_person(services) for _ in range(10)]
    with services.unit(system_actor("test")) as unit:
        for person in people:
            count_person(unit, person, PILOT)
            count_person(unit, person, PILOT, detector="lapsed")
            count_outcome(unit, PILOT, "event", detector="lapsed")
        for number in range(12):
            count_outcome(unit, PILOT, "proposed")
            if number < 9:
                count_outcome(unit, PILOT, "taken")
        for outcome in ("hit", "miss", "miss", "miss"):
            count_outcome(unit, PILOT, outcome, detector="lapsed")
        count_outcome(unit, PILOT, "nps", total=8)
        count_person(unit, people[0], FEW)
        count_outcome(unit, FEW, "shadow")


def test_as_json(client: FlaskClient, token: Tokens, counted: None) -> None:
    found: dict[str, Any] = client.get(ROUTE, headers=token("dpo")).get_json()
    assert found["least_people"] == 10
    pilot_group, few = found["groups"]
    assert few == {**FEW._asdict(), "people": None}
    assert (pilot_group["people"], pilot_group["proposed"]) == (10, 12)
    # Wilson's interval of 9 of 12.
    assert pilot_group["rates"]["taken"] == {
        **{"count": 9, "of": 12, "rate": 0.75, "low": 0.4677, "high": 0.9111},
    }
    assert pilot_group["ratings"] == {"nps": {"count": 1, "mean": 8.0}}
    [detector] = found["detectors"]
    assert (detector["detector"], detector["stage"], detector["events"]) == ("lapsed", "pilot", 10)
    assert (detector["hits"]["count"], detector["hits"]["of"]) == (1, 4)
    other = client.get(f"{ROUTE}?programme=marketing", headers=token("admin")).get_json()
    assert (other["groups"], other["detectors"]) == ([], [])


def test_as_csv(client: FlaskClient, token: Tokens, counted: None) -> None:
    answer = client.get(ROUTE, headers=token("dpo") | {"Accept": "text/csv"})
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    [taken] = [row for row in rows if row["metric"] == "taken"]
    assert (taken["stage"], taken["people"], taken["count"], taken["of"]) == ("pilot", "10", "9", "12")
    [few] = [row for row in rows if row["stage"] == "shadow"]
    assert {key for key, value in few.items() if value} == {"programme", "strategy", "category", "stage"}
    assert [row["count"] for row in rows if row["metric"] == "hits"] == ["1"]


def test_in_no_other_form(client: FlaskClient, token: Tokens) -> None:
    answer = client.get(ROUTE, headers=token("dpo") | {"Accept": "image/png"})
    problem_of(answer, 406, "not-acceptable")


def test_on_the_command_line(services: Services, counted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    url = services.config.database_url
    assert url is not None
    environ = {
        "SAMTYCKE_HOME": str(services.config.home),
        "SAMTYCKE_DATABASE_URL": url,
        "SAMTYCKE_KEY_FILE": str(services.config.key_file),
        "SAMTYCKE_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    said = CliRunner().invoke(pilot, ["report"], env=environ, catch_exceptions=False)
    assert said.exit_code == 0
    assert "replenishment · automate · * · pilot: 10 people, 12 proposed" in said.output
    assert "taken          75.0%  (46.8% to 91.1%)  9 of 12" in said.output
    assert "replenishment · coach · beauty · shadow: fewer than 10 people" in said.output
    shown = json.loads(CliRunner().invoke(pilot, ["report", "--json"], env=environ).output)
    assert shown["groups"][0]["people"] == 10
    measured = CliRunner().invoke(pilot, ["measure"], env=environ, catch_exceptions=False)
    # The policy of the vectors has no detectors.
    assert (measured.exit_code, measured.output) == (0, "the policy has no detector that could be measured\n")


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"context": {"event": 7}}, "/context"),
        (
            {
                "context": {"event": "lapsed"},
                "candidates": [
                    {"id": "c", "strategy": "curate", "sku": "cream", "data": [], "channels": ["app"]}
                ],
            },
            "/candidates",
        ),
    ],
)
def test_an_event_is_asked_for_by_its_detector_alone(
    client: FlaskClient, services: Services, token: Tokens, more: dict[str, Any], pointer: str
) -> None:
    body = {"subject": show_subject(add_person(services).id), "programme": "marketing", "channels": ["app"]}
    answer = client.post("/v1/offers/permitted", json=body | more, headers=token("marketing"))
    assert pointers(problem_of(answer, 422, "invalid-input")) == {pointer}


def test_no_event_no_offer_and_no_word_of_it(client: FlaskClient, services: Services, token: Tokens) -> None:
    body = {
        "subject": show_subject(add_person(services).id),
        "programme": "marketing",
        "channels": ["app"],
        "context": {"event": "lapsed", "page": "start"},
    }
    found = client.post("/v1/offers/permitted", json=body, headers=token("marketing")).get_json()
    assert (found["permitted"], found["withheld"]) == ([], [])
