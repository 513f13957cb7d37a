"""Hosts that report no more, were stopped, or whose clock is wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import upload_wine
from reporting import Host, Start, age, starting
from scraping import scraped

from serving import clock
from serving.recording.store import hosts


@pytest.fixture
def start(store_url: str, tmp_path: Path) -> Iterator[Start]:
    with starting(store_url, tmp_path) as started:
        yield started


@pytest.fixture
def ana(start: Start) -> Host:
    return start("ana")


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
