"""The floor: a Flask route that returns a recorded response of the service to any request."""

import os
from types import SimpleNamespace

from flask import Flask, Response

ANSWER = os.environ["BENCH_ANSWER"].encode()

app = Flask(__name__, static_folder=None)
# gunicorn.conf.py asks for them:
app.extensions["registry"] = SimpleNamespace(follow=lambda _: None)
app.extensions["metrics"] = SimpleNamespace(open=lambda: None)
app.extensions["access"] = SimpleNamespace(warning="")


@app.post("/predict")
def constant() -> Response:
    """Answer without reading the request."""
    return Response(ANSWER, mimetype="application/json")
