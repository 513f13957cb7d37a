"""Call a service by boto3: prints each call that did what it should."""

import json
import sys
from pathlib import Path
from urllib.request import urlopen

import boto3
from botocore.exceptions import ClientError

ROOT = Path(__file__).parent.parent.parent


def main(url: str) -> None:
    good, bad = (json.loads((ROOT / f"{name}.json").read_text()) for name in ("bom", "ruim"))
    table = "\n".join(",".join(map(str, each.values())) for each in (good, bad))
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    answered = client.invoke_endpoint(
        EndpointName="wine",
        Body=table,
        ContentType="text/csv",
        Accept="text/csv",
        CustomAttributes="trace=7",
        InferenceId="order-17",
    )
    assert answered["Body"].read() == b"bom\nruim\n"
    assert answered["ContentType"] == "text/csv"
    assert answered["CustomAttributes"] == "trace=7"
    assert answered["InvokedProductionVariant"] == "wine-1"
    first, _ = answered["ResponseMetadata"]["HTTPHeaders"]["x-prediction-ids"].split(",")
    with urlopen(f"{url}/predictions/{first}") as found:
        assert json.load(found)["own_id"] == "order-17/0"
    print("invoke_endpoint-csv")
    content = json.dumps({"instances": [good, bad]})
    answered = client.invoke_endpoint(
        EndpointName="wine", Body=content, ContentType="application/json"
    )
    assert json.load(answered["Body"])["predictions"] == ["bom", "ruim"]
    print("invoke_endpoint-json")
    answered = client.invoke_endpoint(
        EndpointName="wine",
        Body="\n".join(map(json.dumps, (good, bad))),
        ContentType="application/jsonlines",
        Accept="application/jsonlines",
    )
    lines = [json.loads(each)["prediction"] for each in answered["Body"].read().splitlines()]
    assert lines == ["bom", "ruim"]
    print("invoke_endpoint-jsonlines")
    answered = client.invoke_endpoint(EndpointName="wine", Body=table)
    assert json.load(answered["Body"]) == ["bom", "ruim"]
    print("invoke_endpoint-untyped")
    try:
        client.invoke_endpoint(EndpointName="wine", Body="1,2", ContentType="text/csv")
    except ClientError as error:
        assert "has 2 cells" in error.response["Error"]["Message"], error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        print("invoke_endpoint-faulty")
    try:
        client.invoke_endpoint(EndpointName="wime", Body=table, ContentType="text/csv")
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
        print("invoke_endpoint-unknown")


main(sys.argv[1])
