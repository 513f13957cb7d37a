"""Call a service by KServe's client and V2: prints each call that did what it should."""

import asyncio
import json
import sys
from pathlib import Path

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferOutput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

ROOT = Path(__file__).parent.parent.parent
RECORDS = [json.loads((ROOT / f"{name}.json").read_text()) for name in ("bom", "ruim")]
LABELS = ["bom", "ruim"]


def columns(*, binary: bool) -> list[InferInput]:
    """A column for each field; those of numbers are binary on request."""
    found = []
    for name, value in RECORDS[0].items():
        is_text = isinstance(value, str)
        column = InferInput(name, [2, 1], "BYTES" if is_text else "FP64")
        values = [[each[name]] for each in RECORDS]
        column.set_data_from_numpy(np.array(values, object if is_text else float), binary)
        found.append(column)
    return found


def labels(output: InferOutput) -> list[str]:
    texts = output.as_numpy().ravel().tolist()
    return [each.decode() if isinstance(each, bytes) else each for each in texts]


async def main(url: str) -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(url)
    print("is_server_live")
    assert await client.is_server_ready(url)
    print("is_server_ready")
    assert await client.is_model_ready(url, "wine")
    print("is_model_ready")
    for binary in (False, True):
        request = InferRequest("wine", columns(binary=binary), "order-17")
        response = await client.infer(url, request, model_name="wine")
        assert response.id == "order-17"
        assert labels(response.outputs[0]) == LABELS
        print(f"infer: {'binary' if binary else 'JSON'} columns")
    request = InferRequest(
        "wine",
        columns(binary=True),
        request_outputs=[RequestedOutput("predict_proba", {"binary_data": True})],
    )
    response = await client.infer(url, request, model_name="wine")
    assert response.outputs[0].as_numpy().shape == (2, 2)
    print("infer: binary outputs")
    try:
        await client.infer(url, InferRequest("wine", columns(binary=False)[:3]), model_name="wine")
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 400
        assert "alcohol" in str(error), error
        print("infer: errors with their text")


asyncio.run(main(sys.argv[1]))
