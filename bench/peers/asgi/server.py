"""A bare ASGI callable with msgspec and ONNX Runtime: as little as Python can do for a request."""

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(
    Path(os.environ["BENCH_MODEL"]).with_name("model.onnx"),
    options,
    providers=["CPUExecutionProvider"],
)
NAMES = os.environ["BENCH_FIELDS"].split(",")
Wine = msgspec.defstruct(
    "Wine",
    [(name.replace(" ", "_"), float) for name in NAMES],
    rename={name.replace(" ", "_"): name for name in NAMES},
)


class Probabilities(msgspec.Struct):
    """One for each class."""

    bom: float
    ruim: float


class Prediction(msgspec.Struct):
    """What the forest predicts for a wine."""

    prediction: str
    probabilities: Probabilities


decode = msgspec.json.Decoder(Wine).decode
decode_many = msgspec.json.Decoder(list[Wine]).decode
encode = msgspec.json.Encoder().encode


def predict(wines: list[Any]) -> list[Prediction]:
    """Predict wines; in single precision and back, as scikit-learn's forests compare."""
    rows = np.array([msgspec.structs.astuple(wine) for wine in wines], np.float32)
    outputs = session.run(None, {"rows": rows.astype(np.float64)})[0].tolist()
    return [
        Prediction("bom" if bom >= ruim else "ruim", Probabilities(bom, ruim))
        for bom, ruim in outputs
    ]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer POST /predict and /predict-many."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message.get("more_body", False)
    if scope["path"] == "/predict":
        content = encode(predict([decode(body)])[0])
    else:
        content = encode(predict(decode_many(body)))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})
