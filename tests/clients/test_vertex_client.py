"""Google's client of Vertex AI by REST, unmodified, and the routes that its containers get."""

from pathlib import Path

from programs import call
from servers import gunicorn, running

VARIABLES = {
    "AIP_PREDICT_ROUTE": "/v1/endpoints/12:predict",
    "AIP_HEALTH_ROUTE": "/v1/endpoints/12",
}


def test_every_call_of_vertex_works(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log", **VARIABLES) as started:
        assert call("vertex", started.url).split() == [
            "predict",
            "predict-parameters",
            "predict-faulty",
            "health-route",
            "predict-route",
        ]
