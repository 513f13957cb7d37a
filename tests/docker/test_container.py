"""The container as it runs: really built, really started, asked from the host."""

import json
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers import COMPOSE, Container, up
from images import SERVING, build_serving, run
from load import Load
from servers import free_port, get, predict, wait_until

KEY = "sixteen-or-more-characters"


@pytest.fixture(scope="session", autouse=True)
def image() -> None:
    build_serving()


@pytest.fixture(scope="module", params=COMPOSE)
def container(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Container]:
    command = COMPOSE[request.param]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    settings = {"ADMIN_KEYS": f"ana:{KEY}", "MONITOR_INTERVAL": "1"}
    with up(command, tmp_path_factory.mktemp("compose"), **settings) as started:
        yield started


@pytest.mark.parametrize("name", ["bom", "ruim"])
def test_the_host_gets_its_predictions(container: Container, name: str):
    assert predict(container.url, name)["prediction"] == name


def test_the_container_reports_that_it_is_healthy(container: Container):
    wait_until(lambda: container.inspect(".State.Health.Status") == "healthy")


def test_nothing_runs_as_root_and_the_root_file_system_is_read_only(container: Container):
    assert container.sh("id -u") == "10001\nexit 0\n"
    assert "Read-only file system" in container.sh("touch /service/x")
    assert "Read-only file system" in container.sh("touch /service/models/x")
    capabilities = container.sh("grep -E 'CapEff|NoNewPrivs' /proc/1/status")
    assert capabilities.split()[:4] == ["CapEff:", "0000000000000000", "NoNewPrivs:", "1"]
    assert container.inspect(".HostConfig.Memory") == str(2**30)
    assert container.inspect(".HostConfig.RestartPolicy.Name") == "unless-stopped"


def test_the_image_holds_what_serving_and_training_need_and_no_more(container: Container):
    for program in ("gcc", "cc", "curl"):
        assert container.sh(f"command -v {program}") == "exit 127\n"
    assert container.sh("ls").split()[:-2] == [
        "__pycache__",
        "app.py",
        "gunicorn.conf.py",
        "models",
        "run",
        "serving",
        "train",
        "var",
    ]
    tables = container.sh("find /service -name '*.csv'").split()[:-2]
    assert {Path(table).parent for table in tables} == {Path("/service/train/data")}
    size = int(run("docker", "image", "inspect", "--format", "{{.Size}}", SERVING))
    assert size < 520_000_000  # 45 pandas; 20 what only training imports; 16 obstore; 7 gevent


def test_the_image_has_the_command(container: Container):
    examined = container.sh("cd /tmp && adega doctor")
    assert "0 errors" in examined
    assert examined.endswith("exit 0\n")


def test_logs_are_json_lines_on_standard_output(container: Container):
    predict(container.url, "bom")
    lines = run("docker", "logs", container.id).splitlines()
    assert {json.loads(line)["level"] for line in lines} == {"info"}
    assert any(json.loads(line)["message"] == "POST /predict" for line in lines)


def test_what_was_predicted_is_known_after_a_restart(container: Container):
    told = f"{container.url}/models/wine/predictions?limit=10000"
    made = {predict(container.url, "bom")["id"] for _ in range(3)}
    run("docker", "restart", container.id)
    wait_until(lambda: get(told)[0] == 200)
    wait_until(lambda: made <= {one["id"] for one in get(told)[1]["predictions"]})


def test_a_monitor_beside_looks_at_what_is_predicted(container: Container):
    predict(container.url, "bom")
    told = f"{container.url}/models/wine/monitor"
    wait_until(lambda: (get(told)[1]["report"] or {"window": {}})["window"].get("predictions"))
    beside = run(*container.compose, "ps", "--quiet", "monitor").split()[-1]
    told = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Memory}} {{.Config.User}}"
    inspected = run("docker", "inspect", "--format", told, beside).split()
    assert inspected == ["true", str(2**29), "10001:10001"]
    lines = run("docker", "logs", beside).splitlines()
    assert {json.loads(line)["logger"] for line in lines} == {"serving.monitor.check"}


def test_a_version_is_put_live_over_http_and_back_from_the_host(container: Container):
    folder = Path(container.compose[-1]).parent / "models/wine"
    manifest = json.loads((folder / "1/model.json").read_text())
    shutil.copytree(folder / "1", folder / "2")
    (folder / "2/model.json").write_text(json.dumps(manifest | {"version": 2}))
    request = urllib.request.Request(
        f"{container.url}/models/wine/versions",
        json.dumps({"action": "promote", "version": 2}).encode(),
        {"Authorization": f"Bearer {KEY}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["who"] == "ana"
    wait_until(lambda: {predict(container.url, "bom")["version"] for _ in range(9)} == {2})
    run("docker", "restart", container.id)
    wait_until(lambda: predict(container.url, "bom")["version"] == 2)
    assert "rollback wine 2 → 1 by 10001@" in container.sh("adega rollback wine")
    wait_until(lambda: {predict(container.url, "bom")["version"] for _ in range(9)} == {1})
    run(sys.executable, "-m", "serving", "promote", "wine", "2", MODELS_DIR=str(folder.parent))
    wait_until(lambda: {predict(container.url, "bom")["version"] for _ in range(9)} == {2})


def test_a_stop_under_load_loses_no_accepted_request(container: Container):
    """Asked at its own address: the engine's proxy accepts what the service never sees."""
    address = container.inspect("range .NetworkSettings.Networks}}{{.IPAddress}}{{end")
    load = Load(address, 5000)
    wait_until(lambda: load.outcomes["200"] > 200)
    start = time.monotonic()
    run(*container.compose, "stop")
    assert time.monotonic() - start < 30
    outcomes = load.finish()
    assert set(outcomes) == {"200", "not connected"}, outcomes
    assert container.inspect(".State.ExitCode") == "0"


def test_predictions_are_stored_in_postgresql_by_its_profile(tmp_path: Path):
    url = "postgresql://serving:serving@postgres/serving"
    with up(COMPOSE["v2"], tmp_path, "--profile", "postgres", DATABASE_URL=url) as container:
        told = f"{container.url}/models/wine/predictions"
        made = predict(container.url, "bom")["id"]
        wait_until(lambda: get(told)[0] == 200 and len(get(told)[1]["predictions"]) == 1)
        database = run(*container.compose, "ps", "--quiet", "postgres").split()[-1]
        asked = ("psql", "-U", "serving", "-tA", "-c", "SELECT id FROM predictions", "serving")
        assert run("docker", "exec", database, *asked).strip() == made
        assert "serving.db" not in container.sh("ls var")


def test_caddy_serves_https_by_its_profile_and_believes_no_client(tmp_path: Path):
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "HTTPS_PORT")}
    with up(COMPOSE["v2"], tmp_path, "--profile", "tls", **ports) as container:
        caddy = run(*container.compose, "ps", "--quiet", "caddy", **ports).split()[-1]
        root = tmp_path / "root.crt"
        made = "/data/caddy/pki/authorities/local/root.crt"
        wait_until(lambda: "CERT" in run("docker", "exec", caddy, "cat", made, check=False))
        root.write_text(run("docker", "exec", caddy, "cat", made))
        url = f"https://localhost:{ports['HTTPS_PORT']}"

        def curl(*options: str) -> str:
            return run("curl", "-sSf", "--cacert", str(root), *options)

        wait_until(lambda: "curl:" not in run("curl", "-sk", f"{url}/health/ready", check=False))
        spoofed = ("-H", "X-Forwarded-For: 6.6.6.6", "-H", "X-Forwarded-Prefix: /evil")
        named = ("-H", "X-Request-ID: by-caddy", "-d", "@bom.json")
        assert json.loads(curl(*spoofed, *named, f"{url}/predict"))["prediction"] == "bom"
        described = json.loads(curl(*spoofed, f"{url}/openapi.json"))
        assert described["servers"] == [{"url": url}]

        def lines() -> list[dict[str, Any]]:
            logged = map(json.loads, run("docker", "logs", container.id).splitlines())
            return [line for line in logged if line.get("request_id") == "by-caddy"]

        wait_until(lambda: len(lines()) == 1)
        assert lines()[0]["client"] not in {"", "6.6.6.6"}  # the gateway of Docker's network
        plain = f"http://localhost:{ports['HTTP_PORT']}"
        assert curl("-o", "/dev/null", "-w", "%{http_code}", plain) == "308"
        for id_ in (container.id, caddy):
            bindings = json.loads(
                run("docker", "inspect", "-f", "{{json .HostConfig.PortBindings}}", id_)
            )
            assert {each["HostIp"] for port in bindings.values() for each in port} == {"127.0.0.1"}
