"""What is deployed beside the service fits what it tells; promtool, Prometheus's own, says so."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, predict, wine
from programs import skip_or_fail

from app import create_app
from serving.metrics.families import METRICS
from serving.settings import Settings

DEPLOY = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
NAME = re.compile(r"\bserving_\w+")


def promtool(*arguments: str | Path, stdin: str = "") -> str:
    """What it says; a machine without it skips the test, unless that machine is to test all."""
    program = shutil.which("promtool")
    if program is None:
        skip_or_fail("promtool is not installed; it is in Debian's package prometheus")
    run = subprocess.run(
        [program, *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def names() -> set[str]:
    """Everything that can be asked for."""
    of_histograms = {
        f"{metric.name}_{part}"
        for metric in METRICS
        if metric.kind == "histogram"
        for part in ("bucket", "sum", "count")
    }
    return {metric.name for metric in METRICS if metric.kind != "histogram"} | of_histograms


def questions(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def test_prometheus_reads_the_metrics_of_the_service(tmp_path: Path):
    client = create_app(Settings(var_dir=tmp_path)).test_client()
    predict(client, [wine(), wine()])
    assert promtool("check", "metrics", stdin=client.get("/metrics").text) == ""


def test_the_configuration_and_its_rules_are_valid():
    assert "SUCCESS: 1 rule files found" in promtool("check", "config", DEPLOY / "prometheus.yml")


def test_each_rule_fires_when_it_should_and_not_while_all_is_well():
    promtool("test", "rules", DEPLOY / "rules_test.yml")
    fired = (DEPLOY / "rules_test.yml").read_text().split("everything is wrong")[1]
    rules = (DEPLOY / "rules.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert [alert for alert in alerts if f'alertname="{alert}"' not in fired] == []
    assert len(alerts) == len(re.findall("runbook: .", rules))


@pytest.mark.parametrize("file", ["rules.yml", "rules_test.yml"])
def test_rules_use_only_metrics_that_exist(file: str):
    assert set(NAME.findall((DEPLOY / file).read_text())) <= names()


def test_the_dashboard_uses_only_metrics_that_exist_in_valid_queries(tmp_path: Path):
    dashboard = json.loads(DASHBOARD.read_text())
    asked = [question for panel in dashboard["panels"] for question in questions(panel)]
    assert set(NAME.findall(DASHBOARD.read_text())) <= names()
    for variable in ("$__rate_interval", "$__range"):
        asked = [question.replace(variable, "5m") for question in asked]
    rules = [{"record": f"asked:{n}", "expr": question} for n, question in enumerate(asked)]
    whole = tmp_path / "asked.yml"
    whole.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"SUCCESS: {len(asked)} rules found" in promtool("check", "rules", whole)
