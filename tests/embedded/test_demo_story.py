"""One day with the twelve over HTTP, on a real web server, a real worker and a real broker: every outcome as
`outcomes.yaml` has it, and the same when the worker is killed in the middle of its chunk."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from service.actor import system_actor
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.embedded.children import web_command, web_environ
from service.embedded.demo.client import Client, StoryError
from service.embedded.demo.load import load
from service.embedded.demo.people import people_entries
from service.embedded.demo.story import Day, deviation_of, expected_outcomes, find_people, play
from service.ids import JOB, SUBJECT, read
from service.storage.jobs import read_job
from service.tasks import Publisher
from service.use_cases.change_preferences import change_preferences
from service.use_cases.propose_reorders import propose_reorders
from service.use_cases.sweep_jobs import sweep_jobs
from tests.embedded.instance import SAMTYCKE, free_port
from tests.workers.conftest import Worker
from tests.workers.jobs import nobody_can_write_decisions, waiting_for_decisions
from tests.workers.waiting import wait_for

ROOT = Path(__file__).parents[2]
StartWorker = Callable[[], Worker]


class Sweeper(threading.Thread):
    """What beat does, without its waiting: chunks whose message was lost are sent again."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._ended = threading.Event()

    def run(self) -> None:
        publisher = Publisher(self._services.config.broker_url or "")
        while not self._ended.wait(0.1):
            sweep_jobs(self._services, publisher, patience=timedelta(seconds=1))
        publisher.close()

    def __enter__(self) -> Sweeper:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


@pytest.fixture
def services(database: str, broker_url: str, tmp_path: Path) -> Iterator[Services]:
    """The demo's twelve, loaded, and what was foreseen for them."""
    environ = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_PORT": str(free_port()),
        "SAMTYCKE_DATABASE_URL": database,
        "SAMTYCKE_BROKER_URL": broker_url,
        "SAMTYCKE_WEB_WORKERS": "1",
    }
    config = Config.from_environ(environ)
    create_key_file(config.key_file)
    services = build_services(config)
    assert load(services, services.now, lambda line: None, size=0)
    with services.unit(system_actor("test")) as unit:
        propose_reorders(unit, 100)
    yield services
    services.close()


@pytest.fixture
def client(services: Services, tmp_path: Path) -> Iterator[Client]:
    """The web server as the supervisor starts it."""
    config = services.config
    with (tmp_path / "web.log").open("wb") as log:
        web = subprocess.Popen(
            web_command(config),
            cwd=ROOT,
            env=web_environ(config, os.environ | config.as_environ()),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    client = Client(config)
    try:
        wait_for(lambda: web.poll() is None and _answers(client))
        yield client
    finally:
        client.close()
        web.terminate()
        web.wait(30)


@pytest.fixture
def start_worker(services: Services, tmp_path: Path) -> Iterator[StartWorker]:
    started: list[Worker] = []
    with (tmp_path / "worker.log").open("ab") as log:

        def start() -> Worker:
            started.append(Worker(services.config, log))
            return started[-1]

        yield start
        for worker in started:
            worker.stop()


def _answers(client: Client) -> bool:
    try:
        client.get("/healthz", role="shop")
    except StoryError:
        return False
    return True


def assert_as_expected(day: Day) -> None:
    assert day.deviations == []
    assert [person.entry["key"] for person in day.people] == list(people_entries())
    for person in day.people:
        expected = expected_outcomes()[person.entry["key"]]
        assert [proposal.name for proposal in person.proposals] == list(expected)
        for proposal in person.proposals:
            assert proposal.decision is not None
            assert proposal.decision["outcome"] == expected[proposal.name]["outcome"]
            # The outcome, and a sentence for at least one reason wherever something stood in the way.
            assert len(proposal.told) > bool(proposal.decision["reasons"])


def test_each_of_the_twelve_comes_out_as_expected(
    services: Services, client: Client, start_worker: StartWorker
) -> None:
    start_worker()
    with Sweeper(services):
        tell_the_day(services, client)


def tell_the_day(services: Services, client: Client) -> None:
    day = play(client, services.config.home)
    assert_as_expected(day)
    told = {
        (person.entry["key"], proposal.name): proposal.told
        for person in day.people
        for proposal in person.proposals
    }
    assert told["soren", "refill"][1].startswith("Bestillingen koster 89,00\u00a0SEK.")
    assert told["ida", "slimming"][1].startswith("«Vektreduksjon» er for dem som har fylt 18 år.")
    assert told["oskari", "recall"] == (
        "Emme tee tälle mitään.",
        "Tietosi on poistettu, joten emme kirjoita sinulle enää.",
    )
    assert "Jätämme" not in "".join(told["heikki", "repeat"])
    foreseen = {
        person.entry["key"]: {(reorder["sku"], reorder["strategy"]) for reorder in person.reorders}
        for person in day.people
    }
    assert foreseen["astrid"] == {("OTC-BROM-50", "automate")}
    assert foreseen["soren"] == {("OTC-OMEP-28", "coach")}
    assert foreseen["aino"] == {("OTC-CETI-30", "coach")}
    assert foreseen["maja"] == {("OTC-LORA-28", "coach")}
    silent = ("elsa", "freja", "erik", "ida", "oskari", "emma", "heikki")
    assert {key: foreseen[key] for key in silent} == {key: set() for key in silent}
    assert_the_command_tells_it(services)
    assert_a_deviation_is_told(services, client)


def assert_the_command_tells_it(services: Services) -> None:
    said = samtycke(services, "demo", "story", "--english")
    assert said.returncode == 0, said.stdout + said.stderr
    assert all(entry["name"] in said.stdout for entry in people_entries().values())
    assert "Everything came out as it should." in said.stdout
    assert "✓ 37 allow" in said.stdout
    said = samtycke(services, "demo", "people")
    assert said.returncode == 0
    assert said.stdout.count("T-9000") == 12


def assert_a_deviation_is_told(services: Services, client: Client) -> None:
    """Emma pauses everything: the story no longer holds for her, and says so."""
    subject = find_people(client, services.config.home)["emma"]
    assert subject is not None
    with services.unit(system_actor("test")) as unit:
        pause = {"paused_until": services.now + timedelta(days=1)}
        change_preferences(unit, read(SUBJECT, subject), pause, None)
    said = samtycke(services, "demo", "story")
    assert said.returncode == 1
    assert "emma: skin is deny, not allow curate app" in said.stdout


def samtycke(services: Services, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SAMTYCKE[0], *arguments],
        cwd=ROOT,
        env=os.environ | services.config.as_environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_and_the_same_with_the_worker_killed_in_mid_chunk(
    services: Services, client: Client, start_worker: StartWorker
) -> None:
    worker = start_worker()
    taken: list[str] = []
    days: list[Day] = []

    def tell() -> None:
        days.append(play(client, services.config.home, submitted=taken.append))

    teller = threading.Thread(target=tell)
    with nobody_can_write_decisions(services):
        teller.start()
        # The worker has evaluated the chunk and is about to keep the answers.
        wait_for(lambda: waiting_for_decisions(services) == 1)
        worker.kill()
        [job] = taken
        with services.database.connection() as db:
            assert read_job(db, read(JOB, job)).done == 0
    start_worker()
    with Sweeper(services):
        teller.join()
    assert_as_expected(days[0])
    with services.database.connection() as db:
        rows = db.execute("select count(*) from decisions where job = %s", (read(JOB, job),)).fetchone()
    assert rows == (12,), "one row for each of the twelve: nothing lost, nothing doubled"


def test_where_nothing_answers(tmp_path: Path) -> None:
    environ = {"SAMTYCKE_PORT": str(free_port()), "SAMTYCKE_HOME": str(tmp_path)}
    with pytest.raises(StoryError, match=r"^nothing answers at http://127\.0\.0\.1:"):
        play(Client(Config.from_environ(environ)), tmp_path)
    with pytest.raises(StoryError, match="can only mint the embedded issuer's"):
        Client(Config.from_environ({**environ, "SAMTYCKE_JWKS": "https://issuer.example/jwks"}))


def test_where_something_else_answers(tmp_path: Path) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        config = Config.from_environ({"SAMTYCKE_HOME": str(tmp_path)})
        client = Client(config, f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(StoryError, match="does not answer as samtycke does"):
            find_people(client, tmp_path)
        client.close()
        answering.join()


def test_the_story_waits_for_its_people(services: Services, client: Client) -> None:
    with services.database.connection() as db:
        db.execute("delete from identifiers")
    with pytest.raises(StoryError, match="11 of the twelve are not here yet"):
        play(client, services.config.home)


def test_a_job_without_a_worker_is_given_up(services: Services, client: Client) -> None:
    with pytest.raises(StoryError, match="does a worker run"):
        play(client, services.config.home, patience=0.5)


def test_deviations_are_named() -> None:
    expected = {"outcome": "deny", "reasons": ["coach paused -"]}
    row = {"outcome": "deny", "strategy": None, "channel": None}
    reason = {"strategy": "coach", "code": "paused", "on": None}
    assert deviation_of("tip", expected, {**row, "reasons": [reason]}) is None
    assert deviation_of("tip", expected, None) == "tip was never answered"
    assert "because of" in (deviation_of("tip", expected, {**row, "reasons": []}) or "")
    assert deviation_of("tip", {"outcome": "allow"}, {**row, "reasons": []}) == "tip is deny, not allow"
