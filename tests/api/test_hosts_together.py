"""Hosts that share a database: what one has predicted, another gets feedback to, or is to erase."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import BAD, GOOD, body
from flask.testing import FlaskClient
from servers import PATIENCE

from app import create_app
from bench.postgres import Postgres
from serving import clock
from serving.predicting import lookup
from serving.recording.collector import Collector
from serving.recording.store import Store
from serving.settings import Settings

ADMIN = "sixteen-or-more-characters"


class Host(NamedTuple):
    """A host: its app, and its collector, which runs when the test wants it to."""

    client: FlaskClient
    collector: Collector


@pytest.fixture
def start(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Host]]:
    """Start a host whose collector runs when the test wants it to."""
    url = postgres.new()
    with ExitStack() as opened:
        monkeypatch.setattr(
            "app.Store", lambda *given: opened.enter_context(closing(Store(*given)))
        )

        def started(name: str) -> Host:
            settings = Settings(
                var_dir=tmp_path / name, database_url=url, admin_keys=f"eva:{ADMIN}"
            )
            store = opened.enter_context(closing(Store(url)))
            host = Host(create_app(settings).test_client(), Collector(settings.journal_dir, store))
            host.collector.attempt()
            return host

        yield started


@pytest.fixture
def ana(start: Callable[[str], Host]) -> Host:
    return start("ana")


@pytest.fixture
def bob(start: Callable[[str], Host]) -> Host:
    return start("bob")


def pass_time(monkeypatch: pytest.MonkeyPatch, *collecting: Host) -> None:
    """Let the collectors of some hosts have read all that was recorded until now."""
    later = clock.now() + lookup.MAX_DELAY + 1_000 * PATIENCE
    monkeypatch.setattr(clock, "now", lambda: later)
    for host in collecting:
        host.collector.seen = 0.0  # long ago
        host.collector.attempt()


@pytest.mark.parametrize("collected", ["prediction first", "feedback first"])
def test_feedback_to_a_prediction_in_the_journal_of_another_host_is_joined_to_it(
    ana: Host, bob: Host, collected: str
):
    made = ana.client.post("/predict", **body(GOOD)).json["id"]
    sent = bob.client.post("/feedback", **body({"id": made, "actual": "ruim"}))
    assert sent.json == {"recorded": 1, "unmatched": None}
    for host in (ana, bob) if collected == "prediction first" else (bob, ana):
        host.collector.attempt()
    for host in (ana, bob):
        assert host.client.get(f"/predictions/{made}").json["actual"] == "ruim"
    assert bob.client.get("/feedback/unmatched").json["count"] == 0


def test_an_id_that_no_host_has_is_unmatched_as_soon_as_all_have_been_collected(
    ana: Host, bob: Host, monkeypatch: pytest.MonkeyPatch
):
    never = f"wine.1.{clock.now():011x}0123456789abcdef"
    feedback = body({"id": never, "actual": "bom"})
    assert ana.client.post("/feedback", **feedback).json["unmatched"] is None
    pass_time(monkeypatch, ana)
    assert ana.client.post("/feedback", **feedback).json["unmatched"] is None
    pass_time(monkeypatch, bob)
    assert ana.client.post("/feedback", **feedback).json["unmatched"] == [never]


def test_a_host_that_stopped_leaves_nothing_unknown(
    ana: Host, bob: Host, monkeypatch: pytest.MonkeyPatch
):
    bob.collector.stop()
    never = f"wine.1.{clock.now():011x}0123456789abcdef"
    pass_time(monkeypatch)
    sent = ana.client.post("/feedback", **body({"id": never, "actual": "bom"}))
    assert sent.json["unmatched"] == [never]


def test_feedback_by_own_id_waits_for_the_collector_of_the_host_that_predicted(
    ana: Host, bob: Host
):
    ana.client.post("/predict", **body(BAD), headers={"X-Own-ID": "order-17"})
    feedback = body({"own_id": "order-17", "actual": "ruim"})
    refused = bob.client.post("/feedback", **feedback)
    assert (refused.status_code, "order-17" in refused.text) == (422, True)
    ana.collector.attempt()
    assert bob.client.post("/feedback", **feedback).json == {"recorded": 1, "unmatched": []}


def test_an_erasure_is_found_at_once_at_another_host(ana: Host, bob: Host):
    headers = {"Authorization": f"Bearer {ADMIN}"}
    accepted = ana.client.post("/erasures", **body({"subject": "customer-17"}), headers=headers)
    assert accepted.status_code == 202
    location = accepted.headers["Location"]
    (waiting,) = bob.client.get(location, headers=headers).json["erasures"]
    assert waiting["done"] is None
    for host in (ana, bob, ana):
        host.collector.attempt()
    (ended,) = bob.client.get(location, headers=headers).json["erasures"]
    assert ended["done"]
