"""Call a service with requests that MLServer's codecs encode, and decode its responses by them."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import requests
from mlserver.codecs import (
    NumpyCodec,
    NumpyRequestCodec,
    PandasCodec,
    StringCodec,
    StringRequestCodec,
)
from mlserver.types import (
    InferenceRequest,
    InferenceResponse,
    MetadataModelResponse,
    MetadataServerResponse,
    RepositoryIndexResponse,
    RequestOutput,
)

ROOT = Path(__file__).parent.parent.parent
URL = sys.argv[1]
RECORDS = [json.loads((ROOT / f"{name}.json").read_text()) for name in ("bom", "ruim")]
LABELS = ["bom", "ruim"]


def infer(request: InferenceRequest, *outputs: str) -> InferenceResponse:
    if outputs:
        request.outputs = [RequestOutput(name=name) for name in outputs]
    response = requests.post(
        f"{URL}/v2/models/wine/infer", data=request.model_dump_json(), timeout=60
    )
    assert response.status_code == 200, response.text
    return InferenceResponse.model_validate(response.json())


def get(path: str) -> Any:
    return requests.get(f"{URL}/v2{path}", timeout=60).json()


frame = pd.DataFrame(RECORDS)
response = infer(PandasCodec.encode_request(frame, use_bytes=False))
assert PandasCodec.decode_response(response)["predict"].tolist() == LABELS
print("PandasCodec")
request = PandasCodec.encode_request(frame)  # its texts are bytes unless told otherwise
sent = json.loads(request.model_dump_json())
assert infer(InferenceRequest.model_validate(sent)).outputs[0].shape == [2, 1]
print("PandasCodec: use_bytes")

matrix = frame.assign(color=(frame["color"] == "white").astype(float)).to_numpy(np.float64)
for dtype in (np.float64, np.float32):
    response = infer(NumpyRequestCodec.encode_request(matrix.astype(dtype)))
    assert StringCodec.decode_output(response.outputs[0]) == LABELS
    assert StringRequestCodec.decode_response(response) == LABELS
    print(f"NumpyRequestCodec: {dtype.__name__}")

response = infer(NumpyRequestCodec.encode_request(matrix), "predict_proba", "predict", "id")
chances = NumpyCodec.decode_output(response.outputs[0])
assert chances.shape == (2, 2)
assert np.allclose(chances.sum(axis=1), 1)
assert len({*StringCodec.decode_output(response.outputs[2])}) == 2
print("NumpyCodec: probabilities, beside labels and ids")

columns = [
    StringCodec.encode_input(name, frame[name].tolist(), use_bytes=False)
    if name == "color"
    else NumpyCodec.encode_input(name, frame[name].to_numpy(float).reshape(-1, 1))
    for name in frame
]
response = infer(InferenceRequest(id="order-17", inputs=columns))
assert response.id == "order-17"
assert StringCodec.decode_output(response.outputs[0]) == LABELS
print("StringCodec, NumpyCodec: a column each, without content type of the request")

assert MetadataServerResponse.model_validate(get("")).name == "adega"
assert MetadataModelResponse.model_validate(get("/models/wine")).name == "wine"
index = requests.post(f"{URL}/v2/repository/index", timeout=60).json()
assert len(RepositoryIndexResponse.model_validate(index).root) == 3
print("types: metadata, repository index")
