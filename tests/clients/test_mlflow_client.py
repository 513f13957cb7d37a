"""MLflow's own client of its scoring server, unmodified."""

from programs import call
from servers import Server


def test_every_call_of_the_scoring_server_works(server: Server):
    assert call("mlflow", server.url).split() == [
        "ping",
        "get_version",
        "wait_server_ready",
        "invoke-frame",
        "invoke-params",
        "invoke-array",
        "invoke-nan",
        "csv",
    ]
