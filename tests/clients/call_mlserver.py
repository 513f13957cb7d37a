"""Call a service with requests that MLServer's codecs encode, and decode its responses by them."""

import json
import sys
from typing import Any

import numpy as np
import pandas as pd
import requests
from calls import BAD, GOOD, LABELS, works
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

URL = sys.argv[1]
FRAME = pd.DataFrame([GOOD, BAD])
MATRIX = FRAME.assign(color=(FRAME["color"] == "white").astype(float)).to_numpy(np.float64)


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


with works("PandasCodec"):
    response = infer(PandasCodec.encode_request(FRAME, use_bytes=False))
    assert PandasCodec.decode_response(response)["predict"].tolist() == LABELS
with works("PandasCodec: use_bytes"):
    request = PandasCodec.encode_request(FRAME)  # its texts are bytes unless told otherwise
    sent = json.loads(request.model_dump_json())
    assert infer(InferenceRequest.model_validate(sent)).outputs[0].shape == [2, 1]
for dtype in (np.float64, np.float32):
    with works(f"NumpyRequestCodec: {dtype.__name__}"):
        response = infer(NumpyRequestCodec.encode_request(MATRIX.astype(dtype)))
        assert StringCodec.decode_output(response.outputs[0]) == LABELS
        assert StringRequestCodec.decode_response(response) == LABELS
with works("NumpyCodec: probabilities, beside labels and ids"):
    response = infer(NumpyRequestCodec.encode_request(MATRIX), "predict_proba", "predict", "id")
    chances = NumpyCodec.decode_output(response.outputs[0])
    assert chances.shape == (2, 2)
    assert np.allclose(chances.sum(axis=1), 1)
    assert len({*StringCodec.decode_output(response.outputs[2])}) == 2
with works("StringCodec, NumpyCodec: a column each, without content type of the request"):
    columns = [
        StringCodec.encode_input(name, FRAME[name].tolist(), use_bytes=False)
        if name == "color"
        else NumpyCodec.encode_input(name, FRAME[name].to_numpy(float).reshape(-1, 1))
        for name in FRAME
    ]
    response = infer(InferenceRequest(id="order-17", inputs=columns))
    assert response.id == "order-17"
    assert StringCodec.decode_output(response.outputs[0]) == LABELS
with works("types: metadata"):
    assert MetadataServerResponse.model_validate(get("")).name == "adega"
    assert MetadataModelResponse.model_validate(get("/models/wine")).name == "wine"
with works("types: repository index"):
    index = requests.post(f"{URL}/v2/repository/index", timeout=60).json()
    assert len(RepositoryIndexResponse.model_validate(index).root) == 3
