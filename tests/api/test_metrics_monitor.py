"""Metrics of what the store holds and the monitor found, and of a store that is down."""

import re
from pathlib import Path

import msgspec
import pytest
from conftest import moved, predict, wine
from monitored import NOTHING
from msgspec import Raw
from scraping import scraped, started
from servers import free_port

from serving.metrics import families
from serving.metrics.families import METRICS
from serving.monitor.findings import Drift, FieldDrift
from serving.recording.store.reports import Alert, Report
from serving.settings import Settings


def changed(field: str, change: float | None) -> FieldDrift:
    return FieldDrift(
        field=field, rows=300, verdict="drift", change=change, statements=(), findings=()
    )


def reported(settings: Settings) -> None:
    """A pass over wine that found drift."""
    store = moved(settings)
    found = msgspec.structs.replace(
        NOTHING,
        drift=Drift(
            verdict="drift",
            drifted=("alcohol",),
            share=0.5,
            false_alarms=0.01,
            statements=(),
            fields=(changed("alcohol", 0.25), changed("color", None)),
            predictions=(changed("bom", 0.5),),
        ),
    )
    report = Report("wine", 1, 5_000, Raw(msgspec.json.encode(found)), 0, Raw(b"{}"))
    alert = Alert(model="wine", version=1, kind="data drift", raised=5_000, statements=())
    assert store.reports.write(report, Raw(b"{}"), [alert], [], before=0)
    store.close()


def test_drift_and_alerts_are_reported_as_the_monitor_found_them(settings: Settings):
    client = started(settings)
    reported(settings)
    found = scraped(client)
    assert found["serving_store_up"] == 1
    of_wine = 'model="wine",version="1"'
    assert found[f"serving_monitor_last_check_timestamp_seconds{{{of_wine}}}"] == 5
    assert found[f"serving_drift_share{{{of_wine}}}"] == 0.5
    assert {name: value for name, value in found.items() if "drift_change" in name} == {
        f'serving_drift_change{{{of_wine},of="field",field="alcohol"}}': 0.25,
        f'serving_drift_change{{{of_wine},of="prediction",field="bom"}}': 0.5,
    }
    assert {name: value for name, value in found.items() if "alert" in name} == {
        f'serving_alert{{{of_wine},kind="data drift"}}': 1,
        f'serving_alert{{{of_wine},kind="prediction drift"}}': 0,
        f'serving_alert{{{of_wine},kind="concept drift"}}': 0,
    }


def test_a_report_of_another_release_loses_only_its_own_figures(settings: Settings):
    client = started(settings)
    store = moved(settings)
    report = Report("wine", 1, 5_000, Raw(b'{"drift":"in words"}'), 0, Raw(b"{}"))
    assert store.reports.write(report, Raw(b"{}"), [], [], before=0)
    store.close()
    found = scraped(client)
    assert found['serving_monitor_last_check_timestamp_seconds{model="wine",version="1"}'] == 5
    assert not any("drift_" in name for name in found)


def test_a_store_that_is_down_is_a_metric_and_no_error(tmp_path: Path):
    nobody = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    client = started(Settings(var_dir=tmp_path, database_url=nobody))
    predict(client, wine())
    found = scraped(client)
    assert found["serving_store_up"] == 0
    assert (
        found['serving_requests_total{route="/predict",method="POST",status="200",predicts="true"}']
        == 1
    )


def test_the_store_is_queried_once_in_a_while(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    client = started(settings)
    moved(settings).close()
    assert scraped(client)["serving_store_up"] == 1
    Path(settings.store_url.removeprefix("sqlite:///")).unlink()
    assert scraped(client)["serving_store_up"] == 1
    monkeypatch.setattr("serving.api.metrics.CACHED", -60)
    assert scraped(started(settings))["serving_store_up"] == 0


def test_each_metric_is_measured(settings: Settings):
    client = started(settings)
    predict(client, wine())
    client.post("/models/wine/versions", headers={"Via": "1.1 a-proxy"})  # which is refused
    reported(settings)
    measured = {
        re.sub("_(bucket|sum|count)$", "", name.partition("{")[0]) for name in scraped(client)
    }
    of_hosts = re.compile("serving_(host|object_store)_")  # see test_hosts.py
    not_measured = {metric.name for metric in METRICS} - measured
    assert {name for name in not_measured if not of_hosts.match(name)} == {families.TRIAL.name}
