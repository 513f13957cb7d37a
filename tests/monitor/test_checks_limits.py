"""A check names what it cannot read or compare, and continues with the rest."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import rewrite
from monitored import (
    ROWS,
    chances,
    feedback,
    kinds,
    monitor,
    opened,
    predicted,
    report_of,
    window,
    wines,
)

from serving.models import model_folder
from serving.settings import Settings


@pytest.fixture
def own(settings: Settings, models: Path) -> Settings:
    """Settings of a monitor with windows of 400 rows, and models of its own."""
    return replace(settings, models_dir=models, monitor_rows=ROWS)


@pytest.mark.parametrize("file", ["model.json", "reference.json", "model.pkl"])
def test_a_broken_version_does_not_keep_others_from_being_looked_at(own: Settings, file: str):
    store = opened(own)
    store.add(window(), {})
    store.close()
    path = own.models_dir / "diabetes/1" / file
    path.write_bytes(path.read_bytes()[1:])
    run = monitor(own)
    assert run.exit_code == 1
    assert "wine 1: no drift" in run.stdout
    lines = [json.loads(line) for line in monitor(own, "--json").stdout.splitlines()]
    failure = next(line["failure"] for line in lines if line["model"] == "diabetes")
    assert failure.startswith(f"diabetes 1: {file}")


def test_a_model_whose_pointer_is_broken_keeps_its_alerts(own: Settings):
    store = opened(own)
    store.add(window(alcohol=2), {})
    assert kinds(own) == {"data drift"}
    (own.models_dir / "wine/current").write_text("one")
    assert monitor(own).exit_code == 3
    (alert,) = store.reports.alerts(lasting=True)
    assert alert.kind == "data drift"
    store.close()


@pytest.mark.parametrize(
    ("value", "reason"), [(None, "left out (JOURNAL_OMIT)"), ("5e0a" * 8, "JOURNAL_HASH")]
)
def test_fields_that_are_not_recorded_as_sent_are_left_out_and_named(
    own: Settings, value: str | None, reason: str
):
    store = opened(own)
    entry, sent = window()
    places = [entry.fields.index(name) for name in ("alcohol", "color")]
    if value:
        for row in entry.records:
            for place in places:
                row[place] = value
    else:
        entry.fields = [name for at, name in enumerate(entry.fields) if at not in places]
        entry.records = [
            [each for at, each in enumerate(row) if at not in places] for row in entry.records
        ]
    store.add([entry, sent], {})
    store.close()
    report = report_of(own)["report"]
    assert {each["field"] for each in report["drift"]["fields"]}.isdisjoint({"alcohol", "color"})
    assert len(report["drift"]["fields"]) == 10
    named = [
        each["sentence"]
        for each in report["unmeasured"]
        if each["statements"][0].get("field") in {"alcohol", "color"}
    ]
    assert len(named) == 2
    assert all(reason in each for each in named)


def test_a_version_of_which_nothing_is_known_is_monitored_as_far_as_that_goes(own: Settings):
    def forget(manifest: dict[str, Any], contents: dict[str, bytes]) -> None:
        manifest["metrics"] = {}
        contents["reference.json"] = b'{"rows": 10, "fields": {}}'

    model_folder.put_live(own.models_dir / "wine", rewrite(own.models_dir, forget))
    store = opened(own)
    entry = predicted(wines(ROWS), chances(ROWS), version=2)
    store.add([entry, feedback(entry, chances(ROWS))], {})
    store.close()
    report = report_of(own)["report"]
    assert report["drift"]["fields"] == report["drift"]["predictions"] == []
    assert (report["verdict"], report["concept"]) == ("not enough yet", None)
    assert {each["metric"] for each in report["realised"]} >= {"accuracy", "f1"}
    missing = "\n".join(each["sentence"] for each in report["unmeasured"])
    for what in ("alcohol: ", "predictions: ", "performance: training measured no metrics"):
        assert what in missing


def test_a_metric_that_is_worse_is_the_verdict_where_nothing_drifted(own: Settings):
    def boast(manifest: dict[str, Any], _: dict[str, bytes]) -> None:
        manifest["metrics"] = {"roc_auc": {"mean": 0.999, "spread": 0.001, "baseline": 0.5}}

    model_folder.put_live(own.models_dir / "wine", rewrite(own.models_dir, boast))
    store = opened(own)
    entry = predicted(wines(ROWS), chances(ROWS), version=2)
    store.add([entry, feedback(entry, chances(ROWS))], {})
    store.close()
    found = report_of(own)
    report = found["report"]
    assert (report["verdict"], report["drift"]["verdict"]) == ("worse", "no drift")
    assert report["sentence"].startswith("ROC AUC is ")
    assert found["alerts"] == []


def test_a_classifier_without_probabilities_is_watched_by_its_labels(own: Settings):
    def bare(manifest: dict[str, Any], contents: dict[str, bytes]) -> None:
        manifest["threshold"] = None
        figure = {"mean": 0.8, "spread": 0.01, "baseline": 0.8}
        manifest["metrics"] = {"f1": figure, "accuracy": figure}
        reference = json.loads(contents["reference.json"])
        contents["reference.json"] = json.dumps(reference | {"probabilities": {}}).encode()

    model_folder.put_live(own.models_dir / "wine", rewrite(own.models_dir, bare))
    likely = chances(ROWS)
    entry = predicted(wines(ROWS), likely, version=2, probabilities=[])
    sent = feedback(entry, likely, flipped=0.5)
    store = opened(own)
    store.add([entry, sent], {})
    store.close()
    found = report_of(own)
    report = found["report"]
    assert report["concept"]["loss"] == "share of wrong labels"
    assert [alert["kind"] for alert in found["alerts"]] == ["concept drift"]
    assert report["drift"]["predictions"] == report["estimated"] == []
    held_out = {each["metric"]: each["held_out"] for each in report["realised"]}
    assert held_out == {"accuracy": 0.8, "balanced_accuracy": None, "f1": None}
    assert any(each["sentence"].startswith("F1: ") for each in report["unmeasured"])
