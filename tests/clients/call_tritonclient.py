"""Call a service by Triton's client as it is, and by its asynchronous one."""

import asyncio
import sys
from typing import Any

import numpy as np
from calls import BAD, GOOD, refused, works
from tritonclient import http
from tritonclient.http import aio
from tritonclient.utils import InferenceServerException

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
NOT_SERVED = "get_model_config, get_inference_statistics, trace, log and shared memory"


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


def wanted(*names: str, **more: Any) -> list[Any]:
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
        "binary outputs": {"inputs": columns(), "outputs": wanted("predict", "predict_proba")},
        "JSON outputs": {
            "inputs": columns(),
            "outputs": wanted("predict", "predict_proba", binary_data=False),
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
        "outputs": wanted("predict_proba"),
        "request_compression_algorithm": way,
        "response_compression_algorithm": way,
    }


def status_of(error: Exception) -> str:
    assert isinstance(error, InferenceServerException)
    assert error.message()
    return error.status()


def sync(client: Any) -> None:
    for call, names in (
        ("is_server_live", ()),
        ("is_server_ready", ()),
        ("is_model_ready", ("wine",)),
    ):
        with works(call):
            assert getattr(client, call)(*names)
    with works("is_model_ready: an unknown model"):
        assert not client.is_model_ready("wime")
    with works("get_server_metadata"):
        assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    with works("get_model_metadata"):
        described = client.get_model_metadata("wine", "1")
        assert [each["name"] for each in described["inputs"]] == NAMES
    with works("get_model_repository_index"):
        index = client.get_model_repository_index(headers=ADMIN)
        assert "wine" in {each["name"] for each in index}
    with works("load_model"):
        client.load_model("wine", headers=ADMIN)
    with works("unload_model: 409 for the live version"):
        with refused(InferenceServerException) as errors:
            client.unload_model("wine", headers=ADMIN)
        assert status_of(errors[0]) == "409"
    for name, arguments in inferences().items():
        with works(f"infer: {name}"):
            assert are_right(client.infer("wine", **arguments))
    for way in ("gzip", "deflate"):
        with works(f"infer: {way}, 600 rows"):
            assert client.infer("wine", **large(way)).as_numpy("predict_proba").shape == (600, 2)
    with works("infer: the request id comes back"):
        answered = client.infer("wine", columns(), request_id="order-17").get_response()
        assert answered["id"] == "order-17"
    with works("infer: FP16"):
        half = matrix("FP16", np.float16)
        assert client.infer("wine", half).as_numpy("predict").shape == (2, 1)
    with works("infer: no rows"):
        empty = http.InferInput("input-0", [0, len(NAMES)], "FP32")
        empty.set_data_from_numpy(np.zeros((0, len(NAMES)), np.float32))
        assert client.infer("wine", [empty]).as_numpy("predict").shape == (0, 1)
    with works("infer: classification"):
        ranked = client.infer("wine", columns(), outputs=wanted("predict_proba", class_count=2))
        assert ranked.as_numpy("predict_proba").shape == (2, 2)
        assert b":0:bom" in ranked.as_numpy("predict_proba")[0, 0]
    with works("infer: probabilities and ids"):
        chances = client.infer("wine", columns(), outputs=wanted("predict_proba", "id"))
        assert np.allclose(chances.as_numpy("predict_proba").sum(axis=1), 1)
        assert len({*chances.as_numpy("id").ravel()}) == 2


def sync_others(client: Any) -> None:
    with works("async_infer"):
        assert are_right(client.async_infer("wine", columns()).get_result())
    with works("generate_request_body"):
        body, length = client.generate_request_body(columns())
        assert 0 < length < len(body)
    faulty: dict[str, tuple[dict[str, Any], str]] = {
        "an unknown model": ({"model_name": "wime", "inputs": columns()}, "404"),
        "an unknown version": (
            {"model_name": "wine", "inputs": columns(), "model_version": "9"},
            "404",
        ),
        "a fault with its text": ({"model_name": "wine", "inputs": columns()[:3]}, "400"),
    }
    for name, (arguments, status) in faulty.items():
        with works(f"infer: {name}"):
            with refused(InferenceServerException) as errors:
                client.infer(**arguments)
            assert status_of(errors[0]) == status
    with works(NOT_SERVED, "no: 404 with its text"):
        for call, given in ABSENT.items():
            with refused(InferenceServerException) as errors:
                getattr(client, call)(*given)
            assert status_of(errors[0]) == "404", call


async def asynchronous(url: str) -> None:
    async with aio.InferenceServerClient(url) as client:
        with works("aio: is_server_live, is_server_ready, is_model_ready"):
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("wine", "1")
        with works("aio: metadata, repository"):
            assert (await client.get_server_metadata())["name"] == "adega"
            assert (await client.get_model_metadata("wine"))["versions"] == ["1"]
            assert await client.get_model_repository_index(headers=ADMIN)
            await client.load_model("wine", headers=ADMIN)
        for name, arguments in inferences().items():
            with works(f"aio: infer: {name}"):
                assert are_right(await client.infer("wine", **arguments))
        for way in ("gzip", "deflate"):
            with works(f"aio: infer: {way}, 600 rows"):
                result = await client.infer("wine", **large(way))
                assert result.as_numpy("predict_proba").shape == (600, 2)
        with works(f"aio: {NOT_SERVED}", "no: 404 with its text"):
            for call, given in ABSENT.items():
                with refused(InferenceServerException) as errors:
                    await getattr(client, call)(*given)
                assert status_of(errors[0]) == "404", call


address = sys.argv[1].removeprefix("http://")
with http.InferenceServerClient(address) as triton:
    sync(triton)
    sync_others(triton)
asyncio.run(asynchronous(address))
