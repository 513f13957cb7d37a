"""What holds for each protocol alike: accents, missing values, faults and unknown models."""

import io
import json
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from artefacts import fields_of, made, put_live
from conftest import MODELS
from flask.testing import FlaskClient
from plain_way import WAYS, ask
from sklearn.tree import DecisionTreeClassifier
from werkzeug.test import TestResponse

from app import create_app
from serving.settings import Settings
from train.tables.rows import to_rows

NAME = "empréstimo"
FRAME = pd.DataFrame(
    {
        "renda": [1.5, 2.5, None, 9.5] * 25,
        "região": ["São João", "Ação", "São João", "Ação"] * 25,
    }
)
LABELS = ["Aprovado", "Não aprovado"]
RECORDS = [{"renda": 1.5, "região": "São João"}, {"renda": None, "região": "Ação"}]
FAULTY = [RECORDS[0], {"renda": 2.5, "região": "Acão"}]

Post = Callable[[FlaskClient, str, list[dict[str, Any]]], TestResponse]


@pytest.fixture(scope="module", params=WAYS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """Serve a model with accents in its name, its fields, its values and its labels."""
    folder = tmp_path_factory.mktemp("accents")
    shutil.copytree(MODELS, folder / "models")
    labels = [LABELS[each == "Ação"] for each in FRAME["região"]]
    estimator = DecisionTreeClassifier(random_state=0).fit(to_rows(FRAME, fields_of(FRAME)), labels)
    put_live(folder / "models", made(NAME, estimator, FRAME, target="situação"))
    app = create_app(Settings(var_dir=folder / "var", models_dir=folder / "models"))
    return ask(app, request.param).test_client()


def columns(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [each[name] for each in records] for name in records[0]}


def csv(records: list[dict[str, Any]]) -> list[str]:
    return [
        ",".join("" if cell is None else str(cell) for cell in each.values()) for each in records
    ]


def own(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    return client.post(f"/models/{model}/predict", json=records)


def own_csv(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    table = "\n".join([",".join(records[0]), *csv(records)])
    headers = {"Content-Type": "text/csv", "Accept": "application/json"}
    return client.post(f"/models/{model}/predict", data=table.encode(), headers=headers)


def kserve(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    return client.post(f"/v1/models/{model}:predict", json={"instances": records})


def tensorflow(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    return client.post(f"/v1/models/{model}:predict", json={"inputs": columns(records)})


def mlflow(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    split = {"columns": [*records[0]], "data": [[*each.values()] for each in records]}
    return client.post(f"/serving-endpoints/{model}/invocations", json={"dataframe_split": split})


def mlflow_csv(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    table = "\n".join([",".join(records[0]), *csv(records)]).encode()
    path = f"/serving-endpoints/{model}/invocations"
    return client.post(path, data=table, content_type="text/csv; charset=utf-8")


def parquet(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    file = io.BytesIO()
    pd.DataFrame(records).to_parquet(file)
    path = f"/serving-endpoints/{model}/invocations"
    return client.post(path, data=file.getvalue(), content_type="application/vnd.apache.parquet")


def sagemaker(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    table = "\n".join(csv(records)).encode()
    return client.post(f"/endpoints/{model}/invocations", data=table, content_type="text/csv")


def sagemaker_lines(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in records).encode()
    path = f"/endpoints/{model}/invocations"
    return client.post(path, data=lines, content_type="application/jsonlines")


def vertex(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    path = f"/v1/projects/p/locations/l/endpoints/{model}:predict"
    return client.post(path, json={"instances": records})


def v2(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    inputs = [
        {"name": name, "shape": [len(records)], "datatype": datatype, "data": data}
        for (name, data), datatype in zip(columns(records).items(), ("FP64", "BYTES"), strict=True)
    ]
    return client.post(f"/v2/models/{model}/infer", json={"inputs": inputs})


def v2_binary(client: FlaskClient, model: str, records: list[dict[str, Any]]) -> TestResponse:
    sent = columns(records)
    texts = [each.encode() for each in sent["região"]]
    contents = {
        "renda": np.array(sent["renda"], "<f8").tobytes(),  # NaN for None
        "região": b"".join(len(each).to_bytes(4, "little") + each for each in texts),
    }
    inputs = [
        {
            "name": name,
            "shape": [len(records), 1],
            "datatype": datatype,
            "parameters": {"binary_data_size": len(contents[name])},
        }
        for name, datatype in (("renda", "FP64"), ("região", "BYTES"))
    ]
    head = json.dumps({"inputs": inputs}).encode()
    return client.post(
        f"/v2/models/{model}/infer",
        data=head + b"".join(contents.values()),
        headers={"Inference-Header-Content-Length": str(len(head))},
    )


PROTOCOLS: list[tuple[Post, str]] = [
    (own, "predictions"),
    (own_csv, "predictions"),
    (kserve, "predictions"),
    (tensorflow, "outputs"),
    (mlflow, "predictions"),
    (mlflow_csv, "predictions"),
    (parquet, "predictions"),
    (sagemaker, ""),
    (sagemaker_lines, ""),
    (vertex, "predictions"),
    (v2, "outputs"),
    (v2_binary, "outputs"),
]
by_protocol = pytest.mark.parametrize(("post", "member"), PROTOCOLS)


def labels_in(sent: Any) -> list[str]:
    """The labels in what a protocol calls its predictions."""
    if isinstance(sent[0], str):
        return sent
    if "datatype" in sent[0]:
        return sent[0]["data"]
    return [each["prediction"] for each in sent]


@by_protocol
def test_accents_and_missing_values_are_those_of_json(client: FlaskClient, post: Post, member: str):
    response = post(client, NAME, RECORDS)
    assert response.status_code == 200, response.text
    assert labels_in(response.json[member] if member else response.json) == LABELS


@by_protocol
def test_a_fault_names_its_record_and_the_nearest_label(
    client: FlaskClient, post: Post, member: str
):
    del member
    refused = post(client, NAME, FAULTY)
    assert refused.status_code == (422 if post in {own, own_csv} else 400)
    (fault,) = refused.json["errors"]
    assert (fault["record"], fault["field"]) == (1, "região")
    assert 'did you mean "Ação"?' in fault["message"]


@by_protocol
def test_an_unknown_model_is_a_404_that_names_those_there_are(
    client: FlaskClient, post: Post, member: str
):
    del member
    refused = post(client, "emprestimo", RECORDS)
    assert refused.status_code == 404
    assert "emprestimo" in refused.text
    assert NAME in refused.text


@pytest.mark.parametrize("digits", [400, 4_000])
@pytest.mark.parametrize("post", [own, kserve, tensorflow, mlflow, sagemaker_lines, vertex, v2])
def test_a_number_beyond_all_floats_is_a_fault(client: FlaskClient, post: Post, digits: int):
    refused = post(client, NAME, [{"renda": -(10**digits), "região": "São João"}])
    assert refused.status_code in {400, 422}, refused.text
