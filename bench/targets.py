"""What is measured: the service, its floor and its peers. Another peer is one more entry here."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.environments import PEERS, python_of
from bench.workload import ROOT, Workload

Encode = Callable[[Workload, slice], Any]
Decode = Callable[[Any, list[str]], list[list[float]]]

FIRST, BATCH = slice(0, 1), slice(1, None)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server to start and how to talk to it.

    Attributes
    ----------
    command : tuple of str
        After the interpreter; `{port}`, `{spare}` and `{spare2}` become free ports, `{scratch}`
        a folder of its own, `{model}` the path of the pickle.
    encode, decode : callable
        From wines to the JSON value that is posted, and from the JSON value answered to the
        probabilities of each wine.
    peer : str
        Its folder under bench/peers; empty when it is ours.
    settings : mapping
        Added to its environment, filled in like the command.
    prepare : tuple of str
        A command run before it is started, not timed.
    batches : bool
        Whether it can be sent many wines at once.
    by_hand : bool
        Whether it is written for this one model, and no product that others serve models with.
    """

    name: str
    title: str
    command: tuple[str, ...]
    path: str
    encode: Encode
    decode: Decode
    peer: str = ""
    batch_path: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    prepare: tuple[str, ...] = ()
    batches: bool = True
    by_hand: bool = False

    @property
    def python(self) -> str:
        """The interpreter that runs it."""
        return str(python_of(self.peer)) if self.peer else sys.executable

    @property
    def folder(self) -> str:
        """Where it is started."""
        return str(PEERS / self.peer) if self.peer else str(ROOT)


def _labelled(work: Workload, wines: slice) -> Any:
    """Records as people write them; one alone is not in an array."""
    return work.records[0] if wines is FIRST else work.records[wines]


def _coded(work: Workload, wines: slice) -> Any:
    """Records whose categories are codes, as the forest takes them."""
    records = [dict(zip(work.fields, row, strict=True)) for row in work.rows[wines]]
    return records[0] if wines is FIRST else records


def _rows(name: str) -> Encode:
    """An object holding a matrix under a name."""
    return lambda work, wines: {name: work.rows[wines]}


def _tensor(work: Workload, wines: slice) -> Any:
    """A request of the Open Inference Protocol that asks for probabilities."""
    rows = work.rows[wines]
    shape = [len(rows), len(work.fields)]
    values = [value for row in rows for value in row]
    tensor = {"name": "wines", "datatype": "FP64", "shape": shape, "data": values}
    return {"inputs": [tensor], "outputs": [{"name": "predict_proba"}]}


def _named(answer: Any, classes: list[str]) -> list[list[float]]:
    """Probabilities by class name, in one prediction or in many."""
    predictions = answer.get("predictions", [answer]) if isinstance(answer, dict) else answer
    return [[one["probabilities"][name] for name in classes] for one in predictions]


def _matrix(name: str) -> Decode:
    return lambda answer, _: answer[name]


def _from_tensor(answer: Any, classes: list[str]) -> list[list[float]]:
    values = answer["outputs"][0]["data"]
    width = len(classes)
    return [values[start : start + width] for start in range(0, len(values), width)]


GUNICORN = ("-m", "gunicorn")
OURS: dict[str, Any] = {
    "path": "/predict",
    "encode": _labelled,
    "decode": _named,
    "settings": {
        "HOST": "127.0.0.1",
        "PORT": "{port}",
        "WEB_CONCURRENCY": "2",
        "VAR_DIR": "{scratch}",
    },
}

SERVICE = Target(name="service", title="this service", command=(*GUNICORN, "app:app"), **OURS)
SILENT = {"settings": OURS["settings"] | {"JOURNAL": "off"}}
UNRECORDED = Target(
    name="unrecorded",
    title="this service, JOURNAL=off",
    command=(*GUNICORN, "app:app"),
    **OURS | SILENT,
)
FLOOR = Target(
    name="floor",
    title="constant Flask route, same gunicorn",
    command=(*GUNICORN, "bench.floor:app"),
    batches=False,
    **OURS | SILENT,
)
TUTORIAL = Target(
    name="tutorial",
    title="Flask development server, scikit-learn",
    peer="tutorial",
    command=("server.py", "{port}"),
    path="/predict",
    encode=_coded,
    decode=_named,
)
UVICORN = ("-m", "uvicorn", "server:app", "--workers", "2", "--port", "{port}")
FASTAPI = Target(
    name="fastapi",
    title="FastAPI, uvicorn, scikit-learn",
    peer="fastapi",
    command=UVICORN,
    path="/predict",
    batch_path="/predict-many",
    encode=_coded,
    decode=_named,
)
FASTAPI_ONNX = Target(
    name="fastapi-onnx",
    title="FastAPI, uvicorn, ONNX Runtime, by hand",
    peer="fastapi_onnx",
    command=(*UVICORN, "--no-access-log"),
    path="/predict",
    batch_path="/predict-many",
    encode=_coded,
    decode=_named,
    by_hand=True,
)
ASGI = Target(
    name="asgi",
    title="bare ASGI, uvicorn, msgspec, ONNX Runtime",
    peer="asgi",
    command=(*UVICORN, "--no-access-log"),
    path="/predict",
    batch_path="/predict-many",
    encode=_coded,
    decode=_named,
    by_hand=True,
)
LITSERVE = Target(
    name="litserve",
    title="LitServe, scikit-learn",
    peer="litserve",
    command=("server.py", "{port}"),
    path="/predict",
    encode=_rows("rows"),
    decode=_matrix("probabilities"),
)
MLSERVER = Target(
    name="mlserver",
    title="MLServer, scikit-learn",
    peer="mlserver",
    command=("-c", "from mlserver.cli import main; main()", "start", "."),
    path="/v2/models/wine/infer",
    encode=_tensor,
    decode=_from_tensor,
    settings={
        "MLSERVER_HTTP_PORT": "{port}",
        "MLSERVER_GRPC_PORT": "{spare}",
        "MLSERVER_METRICS_PORT": "{spare2}",
        "MLSERVER_MODEL_URI": "{model}",
        "MLSERVER_METRICS_DIR": "{scratch}",
        "MLSERVER_ENVIRONMENTS_DIR": "{scratch}",
    },
)
BENTOML = Target(
    name="bentoml",
    title="BentoML, scikit-learn",
    peer="bentoml",
    command=("-m", "bentoml", "serve", "service:Wine", "--host", "127.0.0.1", "--port", "{port}"),
    path="/predict",
    encode=_rows("rows"),
    decode=lambda answer, _: answer,
    settings={"BENTOML_HOME": "{scratch}", "BENTOML_DO_NOT_TRACK": "True"},
)
MLFLOW_SERVE = ("-m", "mlflow", "models", "serve", "--model-uri", "{scratch}/model")
MLFLOW = Target(
    name="mlflow",
    title="MLflow models serve, scikit-learn",
    peer="mlflow",
    command=(*MLFLOW_SERVE, "--env-manager", "local", "--workers", "2", "--port", "{port}"),
    path="/invocations",
    encode=_rows("inputs"),
    decode=_matrix("predictions"),
    settings={"MLFLOW_DISABLE_TELEMETRY": "true"},
    prepare=("save.py", "{scratch}/model"),
)

ALL = (
    *(SERVICE, UNRECORDED, FLOOR, TUTORIAL, FASTAPI, LITSERVE, MLSERVER, BENTOML, MLFLOW),
    *(FASTAPI_ONNX, ASGI),
)
TARGETS = {target.name: target for target in ALL}
