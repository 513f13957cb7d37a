"""GET /hosts: which host serves which version, and how far its collector is behind."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import predict, rewrite, wine
from flask.testing import FlaskClient
from hosts import upload_wine
from keyed import KEYS, bearing
from scraping import scraped

from app import create_app
from serving import clock
from serving.errors import StoreError
from serving.recording import collector
from serving.recording.collector import Collector
from serving.recording.store import Store, hosts
from serving.settings import Settings
from serving.versions import served
from serving.versions.served import ServedFile
from serving.versions.versions import Versions


class Host(NamedTuple):
    """A host with one worker, whose collector runs when the test wants it to."""

    client: FlaskClient
    collector: Collector
    file: ServedFile

    @property
    def registry(self) -> Any:
        return self.client.application.extensions["registry"]

    def report(self) -> dict[str, Any]:
        """Let the worker and the collector do what they do every second; return its report."""
        self.registry.refresh()
        self.file.write()
        self.collector.attempt()
        return self.reported()[self.collector.name]

    def reported(self) -> dict[str, Any]:
        """What this host shows of all that report, by name."""
        return {each["name"]: each for each in self.client.get("/hosts").json["hosts"]}


Start = Callable[..., Host]


@pytest.fixture
def start(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr(collector, "SEEN_INTERVAL", -1)  # each run reports
    with ExitStack() as opened:
        monkeypatch.setattr(
            "app.Store", lambda *given: opened.enter_context(closing(Store(*given)))
        )

        def started(name: str, **changes: Any) -> Host:
            settings = Settings(
                var_dir=tmp_path / name, database_url=store_url, host_name=name, **changes
            )
            client = create_app(settings).test_client()
            collecting = Collector(
                settings.journal_dir,
                opened.enter_context(closing(Store(store_url))),
                name=settings.host_name,
                describe=lambda: served.describe(settings),
            )
            registry = client.application.extensions["registry"]
            file = opened.enter_context(closing(ServedFile(settings, registry)))
            return Host(client, collecting, file)

        yield started


@pytest.fixture
def ana(start: Start) -> Host:
    return start("ana")


def age(monkeypatch: pytest.MonkeyPatch, milliseconds: int) -> None:
    """Let the database's clock show a later time."""
    for name in ("POSTGRESQL_NOW", "SQLITE_NOW"):
        monkeypatch.setattr(hosts, name, f"({getattr(hosts, name)} + {milliseconds})")


def test_no_host_has_reported_yet(ana: Host):
    assert ana.client.get("/hosts").json == {"hosts": []}


def test_each_host_shows_which_versions_all_of_them_serve(start: Start, models: Path):
    ana, bob = start("ana", models_dir=models), start("bob", models_dir=models)
    rewrite(models, lambda *_: None)
    assert ana.report()["models"]["wine"] == {"live": [1], "trial": [], "loaded": [1]}
    bob.report()
    Versions(bob.registry.decisions, "bob").set_trial("wine", 2)
    bob.report()
    shown = ana.reported()
    assert shown["ana"]["models"]["wine"]["trial"] == []
    assert shown["bob"]["models"]["wine"] == {"live": [1], "trial": [2], "loaded": [1, 2]}
    Versions(bob.registry.decisions, "bob").promote("wine", 2)
    assert bob.report()["models"]["wine"] == {"live": [2], "trial": [], "loaded": [2]}
    assert bob.reported()["ana"]["models"]["wine"]["live"] == [1]  # as it reported last
    assert ana.report()["models"]["wine"]["live"] == [2]
    assert {each["state"] for each in ana.reported().values()} == {"up"}
    assert {each["workers"] for each in ana.reported().values()} == {1}


def test_workers_that_serve_different_versions_are_shown_together(start: Start, models: Path):
    ana = start("ana", models_dir=models)
    rewrite(models, lambda *_: None)
    second = start("ana", models_dir=models)  # of the same VAR_DIR
    second.file.write()
    Versions(ana.registry.decisions, "ana").promote("wine", 2)
    found = ana.report()
    assert found["models"]["wine"] == {"live": [1, 2], "trial": [], "loaded": [1, 2]}
    assert found["workers"] == 2


def test_a_worker_that_was_killed_serves_nothing(start: Start):
    ana = start("ana")
    ana.file.write()
    folder = ana.collector.folder.parent / "served"
    (folder / "1.1.json").write_bytes(b'{"wine":{"live":[9]}}\n')
    (folder / "2.2.json").write_bytes(b"damaged")
    assert ana.report()["models"]["wine"]["live"] == [1]
    assert len([*folder.iterdir()]) == 1


def test_a_folder_that_cannot_be_used_stops_no_collector(ana: Host):
    made = predict(ana.client, wine())["id"]
    (ana.collector.folder.parent / "served").write_bytes(b"no folder")
    assert ana.report()["models"] == {}
    assert ana.collector.store.prediction(made)


def test_what_a_collector_has_left_to_do_is_shown(ana: Host, monkeypatch: pytest.MonkeyPatch):
    assert ana.report()["collector"] == {"waiting_entries": 0, "behind_seconds": 0}
    predict(ana.client, [wine()] * 3)
    predict(ana.client, wine())
    later = clock.now() + 7_000
    monkeypatch.setattr(clock, "now", lambda: later)
    with monkeypatch.context() as away:
        away.setattr(ana.collector.store, "positions", _fail)
        ana.collector.attempt()  # its own metrics show what no other host can know
        found = scraped(ana.client)
        assert found["serving_collector_waiting_entries"] == 2
        assert 6 < found["serving_collector_behind_seconds"] < 60
        predict(ana.client, wine())
        ana.collector.attempt()
        assert scraped(ana.client)["serving_collector_waiting_entries"] == 3
    assert ana.report()["collector"] == {"waiting_entries": 0, "behind_seconds": 0}
    assert scraped(ana.client)["serving_collector_behind_seconds"] == 0


def _fail() -> None:
    raise StoreError("the database is away")


def test_a_host_reports_while_it_catches_up(ana: Host, monkeypatch: pytest.MonkeyPatch):
    ana.report()
    for _ in range(3):
        predict(ana.client, wine())
    monkeypatch.setattr(collector, "STATUS_INTERVAL", -1)
    monkeypatch.setattr("serving.recording.segments.CHUNK_BYTES", 1)
    shown = []
    report = ana.collector.store.hosts.report
    monkeypatch.setattr(
        ana.collector.store.hosts, "report", lambda *args: shown.append(args[1]) or report(*args)
    )
    ana.collector.attempt()
    assert [each.waiting for each in shown] == [2, 1, 0, 0]
    assert all(each.behind for each in shown[:2])


def test_a_host_that_reports_no_more_is_silent_falls_behind_and_is_gone_after_a_day(
    start: Start, monkeypatch: pytest.MonkeyPatch
):
    ana, bob = start("ana"), start("bob")
    ana.report()
    bob.report()
    age(monkeypatch, hosts.SILENT + 1_000)
    ana.report()
    shown = ana.reported()
    assert (shown["ana"]["state"], shown["bob"]["state"]) == ("up", "silent")
    assert shown["bob"]["collector"]["behind_seconds"] > hosts.SILENT / 1000
    assert shown["bob"]["models"]["wine"]["live"] == [1]
    age(monkeypatch, hosts.SHOWN)
    ana.report()
    assert [*ana.reported()] == ["ana"]
    bob.report()
    assert [*ana.reported()] == ["ana", "bob"]


def test_a_host_that_was_stopped_is_shown_as_such_and_gone_after_an_hour(
    start: Start, monkeypatch: pytest.MonkeyPatch
):
    ana, bob = start("ana"), start("bob")
    ana.report()
    bob.report()
    bob.collector.stop()
    age(monkeypatch, hosts.SHOWN_STOPPED - 60_000)
    assert ana.reported()["bob"]["state"] == "stopped"
    assert ana.reported()["bob"]["collector"]["behind_seconds"] == 0
    age(monkeypatch, 120_000)
    ana.report()
    assert [*ana.reported()] == ["ana"]


@pytest.mark.parametrize("seconds", [-3_000, 3_000])
def test_a_host_whose_clock_is_wrong_is_up_all_the_same(
    start: Start, monkeypatch: pytest.MonkeyPatch, seconds: int
):
    ana, bob = start("ana"), start("bob")
    wrong = clock.now() + seconds * 1_000
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(clock, "now", lambda: wrong)
        bob.report()
    shown = ana.report() and ana.reported()["bob"]
    assert (shown["state"], shown["collector"]["behind_seconds"]) == ("up", 0)
    assert shown["seconds_ago"] < hosts.SILENT / 1000
    assert abs(clock.now() - wrong) > 1_000_000


def test_a_host_whose_clock_is_set_back_goes_on_reporting(
    ana: Host, monkeypatch: pytest.MonkeyPatch
):
    ana.report()
    earlier = clock.now() - clock.DAY
    monkeypatch.setattr(clock, "now", lambda: earlier)
    age(monkeypatch, hosts.SILENT + 1_000)
    assert ana.report()["state"] == "up"


@pytest.mark.slow
def test_a_host_shows_since_when_it_follows_no_object_store(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shared = tmp_path / "shared"
    shared.mkdir()
    upload_wine(str(shared), tmp_path / "uploader")
    ana = start("ana", models_url=str(shared))
    followed = ana.report()["object_store"]
    assert followed["state"] == "followed"
    shared.rename(tmp_path / "away")
    ana.registry.decisions.shared.catch_up()
    later = clock.now() + 5_000
    monkeypatch.setattr(clock, "now", lambda: later)
    failing = ana.report()["object_store"]
    assert failing["state"] == "failing"
    assert failing["reached"][:16] <= followed["reached"][:16]
    found = scraped(ana.client)
    assert found["serving_object_store_failing"] == 1
    assert found["serving_object_store_reached_timestamp_seconds"] < later / 1000 - 4


def test_a_key_that_is_limited_to_a_model_sees_no_other(start: Start):
    ana = start("ana", api_keys=KEYS)
    ana.registry.refresh()
    ana.file.write()
    ana.collector.attempt()

    def models(name: str) -> set[str]:
        return {*ana.client.get("/hosts", headers=bearing(name)).json["hosts"][0]["models"]}

    assert models("shop") == {"diabetes"}
    assert models("read") > {"diabetes", "wine"}


def test_the_metrics_of_any_host_have_those_of_all(start: Start, monkeypatch: pytest.MonkeyPatch):
    ana, bob = start("ana"), start("bob")
    bob.report()
    age(monkeypatch, hosts.SILENT + 1_000)
    ana.report()
    found = {
        name.partition("{")[0] + name.partition('host="')[2][:3]: value
        for name, value in scraped(ana.client).items()
        if "serving_host_" in name and "diabetes" not in name
    }
    assert found["serving_host_upana"] == 1
    assert found["serving_host_upbob"] == 0
    assert found["serving_host_liveana"] == found["serving_host_livebob"] == 1
    assert found["serving_host_behind_secondsana"] == 0
    assert found["serving_host_behind_secondsbob"] > 20
    assert found["serving_host_waiting_entriesbob"] == 0
