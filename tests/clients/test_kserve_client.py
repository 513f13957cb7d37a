"""KServe's own client, unmodified, by its V1 protocol."""

from programs import call
from servers import Server


def test_every_call_of_v1_works(server: Server):
    assert call("kserve", server.url).split() == [
        "is_server_live",
        "is_model_ready",
        "infer",
        "infer-columns",
        "infer-faulty",
        "explain",
    ]
