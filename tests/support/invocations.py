"""Records in each format that SageMaker sends, and requests with them."""

import io
import json
from typing import Any

import numpy as np
from conftest import BAD, GOOD, ROOT
from flask.testing import FlaskClient

VALUES = [[*GOOD.values()], [*BAD.values()]]
TABLE = "\n".join(",".join(map(str, each)) for each in VALUES)
NAMES = ",".join(GOOD)
FIELDS = json.loads((ROOT / "models/wine/1/model.json").read_text())["fields"]
CODES = {label: code for each in FIELDS for code, label in enumerate(each.get("categories", ()))}
NUMBERS = [[CODES.get(each, each) for each in row] for row in VALUES]
LINES = "\n".join(map(json.dumps, (GOOD, BAD)))
PATHS = ("/invocations", "/endpoints/wine/invocations")
FAULTY = "\n".join([TABLE.split("\n")[0], "x,y", TABLE.replace("4.4", "high", 1)])
JSON, CSV, JSON_LINES, NPY = (
    "application/json",
    "text/csv",
    "application/jsonlines",
    "application/x-npy",
)


def array(values: Any) -> bytes:
    """An array in NumPy's format."""
    file = io.BytesIO()
    np.save(file, np.array(values))
    return file.getvalue()


def post(
    client: FlaskClient,
    sent: str | bytes,
    kind: str | None = CSV,
    path: str = "/invocations",
    **headers: str,
) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, data=sent, content_type=kind, headers=named)
