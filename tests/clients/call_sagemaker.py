"""Call a service by boto3's client of SageMaker's runtime."""

import json
import sys
from typing import Any
from urllib.request import urlopen

import boto3
from botocore.exceptions import ClientError
from calls import BAD, GOOD, LABELS, refused, works

TABLE = "\n".join(",".join(map(str, each.values())) for each in (GOOD, BAD))
client = boto3.client(
    "sagemaker-runtime",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="none",
    aws_secret_access_key="none",
)


def invoke(body: str, **more: str) -> Any:
    return client.invoke_endpoint(**({"EndpointName": "wine", "Body": body} | more))


with works("invoke_endpoint: CSV without names"):
    response = invoke(TABLE, ContentType="text/csv", Accept="text/csv")
    assert response["Body"].read() == b"bom\nruim\n"
    assert response["ContentType"] == "text/csv"
    assert response["InvokedProductionVariant"] == "wine-1"
with works("invoke_endpoint: CustomAttributes"):
    response = invoke(TABLE, ContentType="text/csv", CustomAttributes="trace=7")
    assert response["CustomAttributes"] == "trace=7"
with works("invoke_endpoint: InferenceId"):
    response = invoke(TABLE, ContentType="text/csv", InferenceId="order-17")
    first, _ = response["ResponseMetadata"]["HTTPHeaders"]["x-prediction-ids"].split(",")
    with urlopen(f"{sys.argv[1]}/predictions/{first}") as found:
        assert json.load(found)["own_id"] == "order-17/0"
with works("invoke_endpoint: JSON"):
    response = invoke(json.dumps({"instances": [GOOD, BAD]}), ContentType="application/json")
    assert json.load(response["Body"])["predictions"] == LABELS
with works("invoke_endpoint: JSON Lines"):
    lines = "\n".join(map(json.dumps, (GOOD, BAD)))
    response = invoke(lines, ContentType="application/jsonlines", Accept="application/jsonlines")
    found = [json.loads(each)["prediction"] for each in response["Body"].read().splitlines()]
    assert found == LABELS
with works("invoke_endpoint: no ContentType"):
    assert json.load(invoke(TABLE)["Body"]) == LABELS
with works("invoke_endpoint: a fault with its text"):
    with refused(ClientError) as errors:
        invoke("1,2", ContentType="text/csv")
    assert "has 2 cells" in errors[0].response["Error"]["Message"]
    assert errors[0].response["ResponseMetadata"]["HTTPStatusCode"] == 400
with works("invoke_endpoint: an unknown model"):
    with refused(ClientError) as errors:
        invoke(TABLE, EndpointName="wime", ContentType="text/csv")
    assert errors[0].response["ResponseMetadata"]["HTTPStatusCode"] == 404
