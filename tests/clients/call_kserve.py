"""Call a service by KServe's client, by V1 and V2."""

import asyncio
import sys
from typing import Any

import httpx
import numpy as np
from calls import BAD, GOOD, LABELS, refused, works
from kserve import InferenceRESTClient, InferInput, InferOutput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


async def v1(url: str) -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v1"))

    async def infer(body: dict[str, Any], model: str = "wine") -> Any:
        return await client.infer(url, body, model_name=model)

    with works("V1: is_server_live"):
        assert await client.is_server_live(url)
    with works("V1: is_model_ready"):
        assert await client.is_model_ready(url, "wine")
    with works("V1: infer"):
        assert (await infer({"instances": [GOOD, BAD]}))["predictions"] == LABELS
    with works("V1: infer: columns"):
        columns = {name: [GOOD[name], BAD[name]] for name in GOOD}
        assert (await infer({"inputs": columns}))["outputs"] == LABELS
    with works("V1: infer: a fault with its text"):
        with refused(httpx.HTTPStatusError) as errors:
            await infer({"instances": [GOOD | {"pH": "sour"}]})
        assert errors[0].response.status_code == 400
        assert "record 0: pH" in str(errors[0])
    with works("V1: infer: an unknown model"):
        with refused(httpx.HTTPStatusError) as errors:
            await infer({"instances": [GOOD]}, "wime")
        assert errors[0].response.status_code == 404
    with works("V1: explain"):
        response = await client.explain(url, "wine", {"instances": [GOOD]})
        (explanation,) = response["explanations"]
        assert {each["field"] for each in explanation["contributions"]} == {*GOOD}


def columns(*, binary: bool) -> list[InferInput]:
    """A column for each field; those of numbers are binary on request."""
    found = []
    for name, value in GOOD.items():
        is_text = isinstance(value, str)
        column = InferInput(name, [2, 1], "BYTES" if is_text else "FP64")
        values = [[each[name]] for each in (GOOD, BAD)]
        column.set_data_from_numpy(np.array(values, object if is_text else float), binary)
        found.append(column)
    return found


def labels(output: InferOutput) -> list[str]:
    texts = output.as_numpy().ravel().tolist()
    return [each.decode() if isinstance(each, bytes) else each for each in texts]


async def v2(url: str) -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    with works("V2: is_server_live"):
        assert await client.is_server_live(url)
    with works("V2: is_server_ready"):
        assert await client.is_server_ready(url)
    with works("V2: is_model_ready"):
        assert await client.is_model_ready(url, "wine")
    for name, binary in (("JSON", False), ("binary", True)):
        with works(f"V2: infer: {name} columns"):
            request = InferRequest("wine", columns(binary=binary), "order-17")
            response = await client.infer(url, request, model_name="wine")
            assert response.id == "order-17"
            assert labels(response.outputs[0]) == LABELS
    with works("V2: infer: binary outputs"):
        request = InferRequest(
            "wine",
            columns(binary=True),
            request_outputs=[RequestedOutput("predict_proba", {"binary_data": True})],
        )
        response = await client.infer(url, request, model_name="wine")
        assert response.outputs[0].as_numpy().shape == (2, 2)
    with works("V2: infer: a fault with its text"):
        with refused(httpx.HTTPStatusError) as errors:
            request = InferRequest("wine", columns(binary=False)[:3])
            await client.infer(url, request, model_name="wine")
        assert errors[0].response.status_code == 400
        assert "alcohol" in str(errors[0])
    with works("V2: infer: an unknown model"):
        with refused(httpx.HTTPStatusError) as errors:
            request = InferRequest("wime", columns(binary=False))
            await client.infer(url, request, model_name="wime")
        assert errors[0].response.status_code == 404


asyncio.run(v1(sys.argv[1]))
asyncio.run(v2(sys.argv[1]))
