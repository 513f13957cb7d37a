"""GET /hosts: which host serves which version, and how far its collector is behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import predict, rewrite, wine
from keyed import KEYS, bearing
from reporting import Host, Start, age, starting
from scraping import scraped

from serving import clock
from serving.errors import StoreError
from serving.recording import collector
from serving.recording.store import hosts
from serving.versions.versions import Versions


@pytest.fixture
def start(store_url: str, tmp_path: Path) -> Iterator[Start]:
    with starting(store_url, tmp_path) as started:
        yield started


@pytest.fixture
def ana(start: Start) -> Host:
    return start("ana")


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
