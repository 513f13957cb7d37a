"""Load a model folder as MLflow does: by mlflow.sklearn, by pyfunc and in its scoring server.

Print the predictions of each for the rows of a JSON file, one line each.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import mlflow

os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "true"
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # of uvicorn
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
folder, file = sys.argv[1:]
loaded = mlflow.pyfunc.load_model(folder)
split = json.loads(Path(file).read_text(encoding="utf-8"))
rows = loaded.input_example.iloc[:0].reindex(range(len(split["data"])))
for place, name in enumerate(split["columns"]):
    rows[name] = [row[place] for row in split["data"]]
rows = rows.astype(loaded.input_example.dtypes)
print(json.dumps(mlflow.sklearn.load_model(folder).predict(rows).tolist()))
print(json.dumps(loaded.predict(rows).tolist()))

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
serve = ["models", "serve", "-m", folder, "-p", str(port), "-h", "127.0.0.1", "--workers", "1"]
command = [sys.executable, "-m", "mlflow", *serve, "--env-manager", "local"]
with subprocess.Popen(command, stdout=sys.stderr, start_new_session=True) as server:
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping")
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.2)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            json.dumps({"dataframe_split": split}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            print(json.dumps(json.load(response)["predictions"]))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
