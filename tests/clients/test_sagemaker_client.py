"""AWS's own client, boto3, unmodified."""

from programs import call
from servers import Server


def test_every_call_of_the_runtime_works(server: Server):
    assert call("sagemaker", server.url).split() == [
        "invoke_endpoint-csv",
        "invoke_endpoint-json",
        "invoke_endpoint-jsonlines",
        "invoke_endpoint-untyped",
        "invoke_endpoint-faulty",
        "invoke_endpoint-unknown",
    ]
