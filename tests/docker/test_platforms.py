"""The image as platforms run it: by the arguments, variables and volumes that they give it."""

import json
import shlex
import shutil
import tomllib
import urllib.request
from pathlib import Path

import pytest
from conftest import MODELS, ROOT
from containers import run_as_a_platform
from images import run
from servers import get, predict, wait_until


@pytest.mark.parametrize(
    ("variables", "port"), [({}, 8080), ({"SAGEMAKER_BIND_TO_PORT": "9000"}, 9000)]
)
def test_sagemaker_serves_the_models_that_it_unpacks(
    tmp_path: Path, variables: dict[str, str], port: int
):
    shutil.copytree(MODELS / "wine", tmp_path / "model/wine")
    # As SageMaker has it.
    mounted = ("--volume", f"{tmp_path}/model:/opt/ml/model:ro", "--user", "0")
    with run_as_a_platform(port, "serve", options=mounted, **variables) as started:
        assert get(f"{started.url}/v1/models")[1] == {"models": ["wine"]}
        record = json.loads((ROOT / "bom.json").read_text())
        line = ",".join(map(str, record.values())).encode()
        request = urllib.request.Request(
            f"{started.url}/invocations", line, {"Content-Type": "text/csv", "Accept": "text/csv"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read() == b"bom\n"
        wait_until(lambda: started.inspect(".State.Health.Status") == "healthy")
        run("docker", "stop", "--time", "30", started.id)  # by SIGTERM
        assert started.inspect(".State.ExitCode") == "0"


def test_vertex_ai_finds_its_port_and_its_routes():
    routes = {"AIP_PREDICT_ROUTE": "/v1/endpoints/1:predict", "AIP_HEALTH_ROUTE": "/v1/endpoints/1"}
    with run_as_a_platform(8500, AIP_HTTP_PORT="8500", **routes) as started:
        assert get(f"{started.url}/v1/endpoints/1") == (200, {"status": "ready"})
        record = json.loads((ROOT / "bom.json").read_text())
        sent = json.dumps({"instances": [record]}).encode()
        request = urllib.request.Request(
            f"{started.url}/v1/endpoints/1:predict", sent, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["predictions"] == ["bom"]
        wait_until(lambda: started.inspect(".State.Health.Status") == "healthy")


def test_cloud_run_is_served_at_its_port_and_stops_the_container_in_time():
    with run_as_a_platform(8081, PORT="8081") as started:
        assert predict(started.url, "bom")["prediction"] == "bom"
        wait_until(lambda: started.inspect(".State.Health.Status") == "healthy")
        run("docker", "stop", "--time", "10", started.id)
        assert started.inspect(".State.ExitCode") == "0"


def test_fly_serves_and_monitors_in_one_machine_whose_volume_keeps_what_is_recorded():
    fly = tomllib.loads((ROOT / "deploy/fly.toml").read_text())
    command = shlex.split(fly["processes"]["app"])
    volume = ("--volume", fly["mounts"][0]["destination"])  # belongs to the image's user, as Fly's
    port = fly["http_service"]["internal_port"]
    settings = fly["env"] | {"MONITOR_INTERVAL": "1"}
    with run_as_a_platform(port, *command, options=volume, **settings) as started:
        predicted = predict(started.url, "ruim")["id"]

        def is_checked() -> bool:
            report = get(f"{started.url}/models/wine/monitor")[1].get("report")
            return bool(report) and report["window"]["predictions"] == 1

        wait_until(is_checked)
        run("docker", "stop", "--time", str(fly["kill_timeout"]), started.id)
        assert started.inspect(".State.ExitCode") == "0"
        run("docker", "start", started.id)
        wait_until(lambda: get(f"{started.url}/predictions/{predicted}")[0] == 200)
