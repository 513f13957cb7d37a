"""Call a service by KServe's client: prints each call that did what it should."""

import asyncio
import json
import sys
from pathlib import Path

import httpx
from kserve import InferenceRESTClient, RESTConfig

ROOT = Path(__file__).parent.parent.parent


async def main(url: str) -> None:
    good, bad = (json.loads((ROOT / f"{name}.json").read_text()) for name in ("bom", "ruim"))
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    assert await client.is_server_live(url)
    print("is_server_live")
    assert await client.is_model_ready(url, "wine")
    print("is_model_ready")
    response = await client.infer(url, {"instances": [good, bad]}, model_name="wine")
    assert response["predictions"] == ["bom", "ruim"], response
    print("infer")
    columns = {name: [good[name], bad[name]] for name in good}
    response = await client.infer(url, {"inputs": columns}, model_name="wine")
    assert response["outputs"] == ["bom", "ruim"], response
    print("infer-columns")
    try:
        await client.infer(url, {"instances": [good | {"pH": "sour"}]}, model_name="wine")
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 400
        assert "pH" in str(error), error
        print("infer-faulty")
    response = await client.explain(url, "wine", {"instances": [good]})
    (explanation,) = response["explanations"]
    assert {each["field"] for each in explanation["contributions"]} == {*good}, response
    print("explain")


asyncio.run(main(sys.argv[1]))
