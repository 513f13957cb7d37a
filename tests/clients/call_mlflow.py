"""Call a service by MLflow's client: prints each call that did what it should."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import requests
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

ROOT = Path(__file__).parent.parent.parent


def main(url: str) -> None:
    good, bad = (json.loads((ROOT / f"{name}.json").read_text()) for name in ("bom", "ruim"))
    frame = pd.DataFrame([good, bad])
    client = ScoringServerClient(urlsplit(url).hostname, urlsplit(url).port)
    client.ping()
    print("ping")
    assert client.get_version()
    print("get_version")
    client.wait_server_ready()
    print("wait_server_ready")
    assert [*client.invoke(frame).get_predictions()[0]] == ["bom", "ruim"]
    print("invoke-frame")
    chosen = client.invoke(frame, params={"predict_method": "predict_proba"})
    assert chosen.get_predictions().shape == (2, 2)
    print("invoke-params")
    assert [*client.invoke(frame.to_numpy()).get_predictions()[0]] == ["bom", "ruim"]
    print("invoke-array")
    try:
        client.invoke(frame.assign(pH=[float("nan"), 3.0]))
    except Exception as error:  # noqa: BLE001 - what the client raises
        assert "error code 400" in str(error)
        assert "record 0: pH" in str(error)
        print("invoke-nan")
    table = requests.post(
        f"{url}/invocations",
        data=frame.to_csv(index=False),
        headers={"Content-Type": "text/csv"},
        timeout=60,
    )
    assert table.json()["predictions"] == ["bom", "ruim"]
    print("csv")


main(sys.argv[1])
