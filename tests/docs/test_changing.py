"""The steps of docs/changing.md that no other test would miss, and that page itself."""

import pkgutil
import re
from collections.abc import Iterator
from http import HTTPStatus
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
import trainings
from conftest import ROOT, moved, predict, wine
from flask.testing import FlaskClient

import serving.api
import serving.monitor.drift
import train.problems
from app import create_app
from serving.models.metrics import METRICS
from serving.monitor.drift.detection import TESTS
from serving.monitor.drift.test import DriftTest, Measured
from serving.monitor.performance.metrics import CLASSIFICATION, REGRESSION
from serving.monitor.wording import term
from serving.settings import Settings
from serving.trainings.training import PROBLEMS as NAMES
from train.evaluation.classification import Classification
from train.evaluation.regression import Regression
from train.problems.problems import PROBLEMS


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield import_module(module.name)


def test_every_problem_can_be_trained_by_its_name():
    made = {each.PROBLEM.name for each in modules(train.problems) if hasattr(each, "PROBLEM")}
    assert made == {problem.name for problem in PROBLEMS} == {*NAMES}


def test_every_route_is_served(client: FlaskClient):
    made = {each.__name__ for each in modules(serving.api) if hasattr(each, "blueprint")}
    assert made <= {each.import_name for each in client.application.blueprints.values()}


def test_every_drift_test_is_applied():
    measures = {
        value
        for module in modules(serving.monitor.drift)
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__annotations__", {}).get("return") is Measured
    }
    assert measures == {test.measure for test in TESTS}


@pytest.mark.parametrize("test", TESTS)
def test_every_drift_test_is_documented(test: DriftTest):
    title = term(test.statistic)
    rows = re.findall(rf"^\| {title} \|.*", (ROOT / "docs/monitor.md").read_text(), re.MULTILINE)
    assert any(f"{test.threshold:g}" in row for row in rows)


def test_training_and_the_monitor_compute_every_metric_that_has_a_title():
    y, sure = np.array([0.0, 1.0, 1.0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    scores = (
        Classification(labels=("no", "yes"), positive="yes").score(y, sure, None),
        Classification(labels=("no", "yes")).score(y, sure, None),
        Regression().score(y + 1, sure[:, :1], None),
    )
    assert {name for score in scores for name in score} == METRICS.keys()
    assert CLASSIFICATION.keys() | REGRESSION.keys() == METRICS.keys()


def test_every_page_opens(settings: Settings):
    moved(settings).close()
    client = create_app(settings).test_client()
    id_ = predict(client, wine())["id"]
    values = {"name": "wine", "version": 1, "prediction_id": id_, "subject": "ana"}
    values |= {"sent": "any", "file": "icon.svg", "label": "stable", "training_id": trainings.ID}
    trainings.keep(settings)
    browser = {"Accept": "text/html", "Accept-Language": "pt"}
    for rule in client.application.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            _, path = rule.build({each: values[each] for each in rule.arguments}) or ("", "")
            answer = client.get(path, headers=browser, follow_redirects=True)
            assert answer.status_code == HTTPStatus.OK, path


def test_the_recipes_name_tests_that_are_there():
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs/changing.md").read_text())
    tests = "".join(file.read_text() for file in (ROOT / "tests").glob("*/test_*.py"))
    assert [test for test in named if f"def {test}(" not in tests] == []
