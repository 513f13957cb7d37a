"""Call a service by Triton's client, as it is: prints each call that did what it should."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tritonclient import http
from tritonclient.http import aio
from tritonclient.utils import InferenceServerException

ROOT = Path(__file__).parent.parent.parent
GOOD, BAD = (json.loads((ROOT / f"{name}.json").read_text()) for name in ("bom", "ruim"))
NAMES = [*GOOD]
KEY = sys.argv[2]
ADMIN = {"Authorization": f"Bearer {KEY}"}
# What Triton has and this service has not: 404, which the client raises with the error's text.
ABSENT: dict[str, tuple[Any, ...]] = {
    "get_model_config": ("wine",),
    "get_inference_statistics": ("wine",),
    "get_trace_settings": (),
    "update_trace_settings": ("wine", {"trace_level": ["OFF"]}),
    "get_log_settings": (),
    "update_log_settings": ({"log_info": False},),
    "get_system_shared_memory_status": (),
    "register_system_shared_memory": ("name", "/key", 8),
    "unregister_system_shared_memory": (),
    "get_cuda_shared_memory_status": (),
    "register_cuda_shared_memory": ("name", b"handle", 0, 8),
    "unregister_cuda_shared_memory": (),
}


def rows(dtype: Any) -> Any:
    """The two wines as a matrix, with the code of their color."""
    coded = [[*[*each.values()][:-1], float(each["color"] == "white")] for each in (GOOD, BAD)]
    return np.array(coded, dtype)


def matrix(datatype: str, dtype: Any, **binary: Any) -> list[Any]:
    tensor = http.InferInput("input-0", [2, len(NAMES)], datatype)
    tensor.set_data_from_numpy(rows(dtype), **binary)
    return [tensor]


def columns(**binary: Any) -> list[Any]:
    found = []
    for name in NAMES:
        is_text = isinstance(GOOD[name], str)
        tensor = http.InferInput(name, [2, 1], "BYTES" if is_text else "FP64")
        values = np.array([[GOOD[name]], [BAD[name]]], object if is_text else float)
        tensor.set_data_from_numpy(values, **binary)
        found.append(tensor)
    return found


def asked(*names: str, **more: Any) -> list[Any]:
    return [http.InferRequestedOutput(name, **more) for name in names]


def are_right(result: Any) -> bool:
    found = result.as_numpy("predict")
    labels = [each.decode() if isinstance(each, bytes) else each for each in found.ravel()]
    return labels == ["bom", "ruim"] and found.shape == (2, 1)


def inferences() -> dict[str, dict[str, Any]]:
    """Arguments of `infer`, by what is special about them."""
    found = {
        "defaults: binary FP32 matrix": {"inputs": matrix("FP32", np.float32)},
        "binary FP64 matrix": {"inputs": matrix("FP64", np.float64)},
        "JSON FP32 matrix": {"inputs": matrix("FP32", np.float32, binary_data=False)},
        "binary columns with BYTES": {"inputs": columns()},
        "JSON columns with BYTES": {"inputs": columns(binary_data=False)},
        "mixed columns": {"inputs": [*columns()[:6], *columns(binary_data=False)[6:]]},
        "binary outputs": {"inputs": columns(), "outputs": asked("predict", "predict_proba")},
        "JSON outputs": {
            "inputs": columns(),
            "outputs": asked("predict", "predict_proba", binary_data=False),
        },
        "a version": {"inputs": columns(), "model_version": "1"},
        "a request id": {"inputs": columns(), "request_id": "order-17"},
        "parameters, priority, timeout, sequence": {
            "inputs": columns(),
            "parameters": {"own": "x"},
            "priority": 1,
            "timeout": 1_000_000,
            "sequence_id": 3,
            "sequence_start": True,
        },
    }
    for way in ("gzip", "deflate"):
        found[f"{way} both ways"] = {
            "inputs": columns(),
            "request_compression_algorithm": way,
            "response_compression_algorithm": way,
        }
    return found


def large(way: str) -> dict[str, Any]:
    """Arguments of `infer` whose response is large enough to be packed."""
    tensor = http.InferInput("input-0", [600, len(NAMES)], "FP64")
    tensor.set_data_from_numpy(np.tile(rows(np.float64), (300, 1)))
    return {
        "inputs": [tensor],
        "outputs": asked("predict_proba"),
        "request_compression_algorithm": way,
        "response_compression_algorithm": way,
    }


def refused(status: str, function: Callable[..., Any], *arguments: Any, **more: Any) -> None:
    try:
        function(*arguments, **more)
    except InferenceServerException as error:
        assert error.status() == status, error
        assert error.message(), error
    else:
        raise AssertionError(function)


def sync(client: Any) -> None:
    for call, name in (("is_server_live", ()), ("is_server_ready", ()), ("is_model_ready", "wine")):
        assert getattr(client, call)(*([name] if name else []))
        print(call)
    assert not client.is_model_ready("none")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    print("get_server_metadata")
    described = client.get_model_metadata("wine", "1")
    assert [each["name"] for each in described["inputs"]] == NAMES
    print("get_model_metadata")
    assert {"wine"} <= {each["name"] for each in client.get_model_repository_index(headers=ADMIN)}
    print("get_model_repository_index")
    client.load_model("wine", headers=ADMIN)
    print("load_model")
    refused("409", client.unload_model, "wine", headers=ADMIN)  # it is live, as the error says
    print("unload_model: 409 for the live version")
    for name, arguments in inferences().items():
        result = client.infer("wine", **arguments)
        assert are_right(result), name
        print(f"infer: {name}")
    for way in ("gzip", "deflate"):
        assert client.infer("wine", **large(way)).as_numpy("predict_proba").shape == (600, 2)
    assert client.infer("wine", columns(), request_id="order-17").get_response()["id"] == "order-17"
    half = matrix("FP16", np.float16)
    assert client.infer("wine", half).as_numpy("predict").shape == (2, 1)
    print("infer: FP16")
    empty = http.InferInput("input-0", [0, len(NAMES)], "FP32")
    empty.set_data_from_numpy(np.zeros((0, len(NAMES)), np.float32))
    assert client.infer("wine", [empty]).as_numpy("predict").shape == (0, 1)
    print("infer: no rows")
    ranked = client.infer("wine", columns(), outputs=asked("predict_proba", class_count=2))
    assert ranked.as_numpy("predict_proba").shape == (2, 2)
    assert b":0:bom" in ranked.as_numpy("predict_proba")[0, 0]
    print("infer: classification")
    chances = client.infer("wine", columns(), outputs=asked("predict_proba", "id"))
    assert np.allclose(chances.as_numpy("predict_proba").sum(axis=1), 1)
    assert len({*chances.as_numpy("id").ravel()}) == 2
    print("infer: probabilities and ids")
    assert are_right(client.async_infer("wine", columns()).get_result())
    print("async_infer")
    body, length = client.generate_request_body(columns())
    assert 0 < length < len(body)
    print("generate_request_body")
    refused("404", client.infer, "none", columns())
    refused("404", client.infer, "wine", columns(), model_version="9")
    refused("400", client.infer, "wine", columns()[:3])
    print("infer: errors with their text")
    for call, arguments in ABSENT.items():
        refused("404", getattr(client, call), *arguments)


async def asynchronous(url: str) -> None:
    async with aio.InferenceServerClient(url) as client:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready("wine", "1")
        assert (await client.get_server_metadata())["name"] == "adega"
        assert (await client.get_model_metadata("wine"))["versions"] == ["1"]
        assert await client.get_model_repository_index(headers=ADMIN)
        await client.load_model("wine", headers=ADMIN)
        print("aio: health, metadata, repository")
        for name, arguments in inferences().items():
            result = await client.infer("wine", **arguments)
            assert are_right(result), name
            print(f"aio infer: {name}")
        for way in ("gzip", "deflate"):
            result = await client.infer("wine", **large(way))
            assert result.as_numpy("predict_proba").shape == (600, 2)
        for call, arguments in ABSENT.items():
            try:
                await getattr(client, call)(*arguments)
            except InferenceServerException as error:
                assert error.status() == "404", error
        print("what Triton has and this service has not: 404")


address = sys.argv[1].removeprefix("http://")
with http.InferenceServerClient(address) as triton:
    sync(triton)
asyncio.run(asynchronous(address))
