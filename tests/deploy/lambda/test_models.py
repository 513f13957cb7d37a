"""Which models a function has: those of its image or of an object store, and what it cannot do."""

import csv
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import GOOD, MODELS, rewrite
from functions import JSON, Function, running
from hosts import Host, running_s3, upload_wine
from lambda_events import KINDS, rest
from servers import wait_until
from training import output

from bench import seaweedfs
from bench.seaweedfs import SeaweedFS

pytestmark = pytest.mark.slow

LOAN = {"TotalIncome": 5849, "LoanAmount": 128, "Credit_History": 1, "Property_Area": "Urban"}


@pytest.fixture(scope="module")
def loan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of loans, trained as any other from a CSV."""
    folder = tmp_path_factory.mktemp("loan")
    numbers = itertools.product((1500, 3000, 5000, 9000), (60, 120, 240, 400), (0, 1))
    with (folder / "loan.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow([*LOAN, "Loan_Status"])
        for place, (income, amount, history) in enumerate(numbers):
            for area in ("Urban", "Semiurban", "Rural"):
                approved = history and income * 60 > amount * 1000
                other = place % 7 == 0  # no rule is without exceptions
                label = "Aprovado" if approved != other else "Não aprovado"
                rows.writerow([income + place, amount, history, area, label])
    models = folder / "models"
    models.mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("train.onnx.proof.PROOF_ROWS", 2_000)
        patched.setenv("VAR_DIR", str(folder / "var"))
        named = ("--target", "Loan_Status", "--name", "loan")
        output(models, folder / "loan.csv", *named, "--estimator", "decision-tree")
    return models


@pytest.fixture(scope="module")
def of_loans(loan: Path) -> Iterator[Function]:
    variables = {"MODELS_DIR": str(loan), "DEFAULT_MODEL": "loan", "PREDICT_ROUTE": "/predictions"}
    with running(loan.parent / "function", **variables) as function:
        yield function


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_loan_system_is_called_as_before(of_loans: Function, kind: Callable[..., Any]):
    for history, label in ((1, "Aprovado"), (0, "Não aprovado")):
        answer = of_loans.post("/predictions", LOAN | {"Credit_History": history}, kind)
        assert (answer.status, answer.json["prediction"]) == (200, label)
    refused = of_loans.post("/predictions", LOAN | {"Property_Area": "Moon"}, kind)
    assert refused.status == 422


def test_a_function_without_its_model_reports_why_it_cannot_start(tmp_path: Path):
    with running(tmp_path, DEFAULT_MODEL="loan") as function:
        failed = function.api.failed_start()
        assert failed.kind == "ArtefactError"
        assert "the default model 'loan' cannot be served" in str(failed)
        assert function.process.wait(10) == 1


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"JOURNAL": "on"}, "DATABASE_URL is not that of PostgreSQL"),
        ({"JOURNAL_REQUIRED": "on"}, "DATABASE_URL is not that of PostgreSQL"),
        ({"DATABASE_URL": "sqlite:////tmp/x.db"}, "DATABASE_URL is not that of PostgreSQL"),
        ({"MAX_RECORDS": "many"}, "MAX_RECORDS='many' is not a whole number"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL is not the URL of a database"),
    ],
)
def test_a_function_with_a_wrong_setting_reports_it(
    tmp_path: Path, variables: dict[str, str], words: str
):
    with running(tmp_path, **variables) as function:
        assert words in str(function.api.failed_start())


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[tuple[Function, Host, Path]]:
    """A function whose models are in an object store, and a host that decides about them."""
    store = tmp_path / "store"
    store.mkdir()
    upload_wine(str(store), tmp_path / "first")
    host = Host(str(store), tmp_path / "host")
    with running(tmp_path / "f", MODELS_URL=str(store)) as function:
        yield function, host, store


def add_version(store: Path, folder: Path) -> None:
    """Upload version 2, which predicts the same."""
    shutil.copytree(MODELS, folder / "models")
    rewrite(folder / "models", lambda *_: None)
    upload_wine(str(store), folder / "second", folder / "models")


def version(function: Function) -> int:
    answer = function.post("/predict", GOOD)
    assert answer.status == 200
    return answer.json["version"]


def test_a_function_follows_what_is_decided_in_the_object_store(
    shared: tuple[Function, Host, Path], tmp_path: Path
):
    function, host, store = shared
    assert version(function) == 1
    state = function.get("/health/ready").json["object_store"]["state"]
    assert state == "followed"
    add_version(store, tmp_path)
    host.pull()
    host.versions.promote("wine", 2)
    wait_until(lambda: version(function) == 2)
    store.rename(store.with_name("away"))
    wait_until(lambda: "gone from the object store" in str(function.get("/health/ready").json))
    assert version(function) == 2


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SeaweedFS]:
    (tmp_path / "s3").mkdir()
    with running_s3(tmp_path / "s3") as server:
        for name, value in seaweedfs.environment(server.port).items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_function_takes_its_models_from_s3_and_goes_on_without(s3: SeaweedFS, tmp_path: Path):
    url = "s3://adega/models"
    upload_wine(url, tmp_path / "first")
    with running(tmp_path / "f", MODELS_URL=url) as function:
        assert version(function) == 1
        s3.kill()

        def state() -> str:
            return function.get("/health/ready").json["object_store"]["state"]

        wait_until(lambda: state() == "failing")
        assert version(function) == 1
        with running(function.log.parent, MODELS_URL=url) as next_:
            assert version(next_) == 1  # which an earlier process of the environment has copied
    with running(tmp_path / "other", MODELS_URL=url) as function:
        assert "the default model 'wine' cannot be served" in str(function.api.failed_start())


def test_a_function_with_an_empty_object_store_does_not_start(tmp_path: Path):
    (tmp_path / "store").mkdir()
    with running(tmp_path / "f", MODELS_URL=str(tmp_path / "store")) as function:
        assert "the default model 'wine' cannot be served" in str(function.api.failed_start())


def test_a_decision_over_http_is_made_in_the_object_store(
    shared: tuple[Function, Host, Path], tmp_path: Path
):
    _, host, store = shared
    add_version(store, tmp_path)
    keys = {"MODELS_URL": str(store), "ADMIN_KEYS": f"ana:{'k' * 16}"}
    with running(tmp_path / "admin", **keys) as admin:
        headers = JSON | {"x-api-key": "k" * 16}
        decision = json.dumps({"action": "promote", "version": 2})
        made = admin.send(rest("POST", "/models/wine/versions", decision, headers))
        assert (made.status, made.json["who"]) == (200, "ana")
        wait_until(lambda: version(admin) == 2)
    host.pull()
    assert host.live() == 2
