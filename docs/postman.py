"""Writes docs/postman_collection.json, for Postman and newman, from the service's own document.

The document holds each request's path, description and body; this file their order, and the tests
of the responses.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
COLLECTION = ROOT / "docs/postman_collection.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
KEEP_ID = 'pm.collectionVariables.set("prediction_id", pm.response.json().id);'
PREDICT = "POST /predict"


class Step(NamedTuple):
    """A request, and tests of its response.

    Attributes
    ----------
    call : str
        Method and path, as in the document.
    expected : dict of str to str
        Tests by title: Postman's JavaScript, in which `response` is the response's JSON.
    body
        The document's first example if not given.
    then : str
        JavaScript to run afterwards.
    """

    name: str
    call: str
    expected: dict[str, str]
    body: Any = None
    status: int = 200
    then: str = ""


def steps() -> list[Step]:
    """The tour, from health to another model."""
    good, bad = (json.loads((ROOT / f"{name}.json").read_text()) for name in ("bom", "ruim"))
    wrong = {name: value for name, value in good.items() if name != "pH"} | {"alcohol": "strong"}
    feedback = {"id": "{{prediction_id}}", "actual": "bom"}
    label = 'pm.expect(response.prediction).to.eql("{}");'.format
    return [
        Step("Is it ready?", "GET /health/ready", {"it is ready": eql("status", "ready")}),
        Step("Is it alive?", "GET /health/live", {"it is alive": eql("status", "live")}),
        Step(
            "An example",
            "GET /example",
            {"a record has its prediction": has("input", "prediction")},
        ),
        Step("A good wine", PREDICT, {"it is predicted bom": label("bom")}, good, then=KEEP_ID),
        Step("A bad wine", PREDICT, {"it is predicted ruim": label("ruim")}, bad),
        Step(
            "Both at once",
            PREDICT,
            {
                "predictions are in order": "pm.expect(response.predictions.map("
                'one => one.prediction)).to.eql(["bom", "ruim"]);'
            },
            [good, bad],
        ),
        Step(
            "A record with faults",
            PREDICT,
            {
                "every fault is reported": "pm.expect(response.errors.map("
                'one => one.field)).to.have.members(["pH", "alcohol"]);',
                "it is a problem": 'pm.expect(pm.response.headers.get("Content-Type"))'
                '.to.eql("application/problem+json");',
            },
            wrong,
            status=422,
        ),
        Step("Feedback", "POST /feedback", {"it is recorded": eql("recorded", 1)}, feedback),
        Step(
            "The recorded prediction",
            "GET /predictions/{prediction_id}",
            {"it has the record": has("record"), "and its feedback": eql("actual", "bom")},
        ),
        Step("The models", "GET /models", {"one is the default": has("default", "models")}),
        Step("A model", "GET /models/wine", {"it has metrics": has("fields", "metrics")}),
        Step("Its versions", "GET /models/wine/versions", {"one is live": has("versions")}),
        Step(
            "Its predictions",
            "GET /models/wine/predictions",
            {"they are listed": has("predictions")},
        ),
        Step("Its monitor", "GET /models/wine/monitor", {"it is wine's": eql("model", "wine")}),
        Step("The hosts", "GET /hosts", {"they are listed": has("hosts")}),
        Step("Metrics of the service", "GET /metrics", {}),
        *(
            Step(
                f"Another model: {name}",
                f"POST /models/{name}/predict",
                {"it is predicted": has("id")},
            )
            for name in ("wine-score", "diabetes")
        ),
    ]


def eql(name: str, value: Any) -> str:
    """A test that a part of the response has a value."""
    return f"pm.expect(response.{name}).to.eql({json.dumps(value)});"


def has(*names: str) -> str:
    """A test that the response has parts."""
    return f"pm.expect(response).to.include.all.keys({json.dumps(names)});"


def collection(document: dict[str, Any]) -> dict[str, Any]:
    """The collection for a service with this document."""
    operations = {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    return {
        "info": {
            "_postman_id": "5c1f1c2e-7a57-4d0c-9a3b-2f6f0d9b7e11",
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": SCHEMA,
        },
        "item": [item(step, operations[step.call]) for step in steps()],
        "variable": [
            {"key": "base_url", "value": "http://localhost:5000"},
            {"key": "prediction_id", "value": ""},
        ],
    }


def item(step: Step, operation: dict[str, Any]) -> dict[str, Any]:
    """A request with its tests."""
    method, path = step.call.split()
    path = path.replace("{prediction_id}", "{{prediction_id}}")
    request: dict[str, Any] = {
        "method": method,
        "header": [],
        "url": {"raw": f"{{{{base_url}}}}{path}", "host": ["{{base_url}}"]},
        "description": operation.get("description", operation["summary"]),
    }
    request["url"]["path"] = path.strip("/").split("/")
    if method == "POST":
        examples = operation["requestBody"]["content"]["application/json"]["examples"]
        sent = step.body or next(iter(examples.values()))["value"]
        request["header"] = [{"key": "Content-Type", "value": "application/json"}]
        raw = json.dumps(sent, indent=2, ensure_ascii=False)
        request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    tests = {f"{step.status}": f"pm.response.to.have.status({step.status});", **step.expected}
    lines = [f"pm.test({json.dumps(name)}, () => {{ {test} }});" for name, test in tests.items()]
    response = ["const response = pm.response.json();"] if step.expected else []
    lines = [lines[0], *response, *lines[1:], *filter(None, [step.then])]
    script = {"type": "text/javascript", "exec": lines}
    event = [{"listen": "test", "script": script}]
    return {"name": step.name, "event": event, "request": request}


def text() -> str:
    """The collection's file."""
    sys.path.insert(0, str(ROOT))
    from app import create_app
    from serving.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(var_dir=Path(folder)))
        document = app.test_client().get("/openapi.json").json
    return json.dumps(collection(document), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    COLLECTION.write_text(text(), encoding="utf-8")
