"""What the manifests for Kubernetes and KServe describe, run by Docker exactly so."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import MODELS, wine
from endpoints import Clients, Endpoints
from images import build_serving, run
from kubelet import Kubelet, probed
from manifests import DEPLOY, OVERLAYS, one, pod_templates, render
from pods import Cluster, Pod, ask
from servers import wait_until
from team import Team, running_team
from tensors import columns

LAG = 3  # seconds for which new connections still arrive at a pod that ends


@pytest.fixture(scope="module", autouse=True)
def images() -> None:
    build_serving()


def predict(url: str, key: str = "", **changes: float) -> dict[str, Any]:
    answer: dict[str, Any] = ask(f"{url}/predict", wine(**changes), key)
    return answer


def versions(url: str, key: str = "") -> dict[int, list[str]]:
    """The versions of wine, each with what it is."""
    listed = ask(f"{url}/models/wine/versions", key=key)["versions"]
    return {each["version"]: each.get("states", []) for each in listed}


def recorded(url: str, key: str = "") -> set[str]:
    """The ids of the latest predictions in the store."""
    listed = ask(f"{url}/models/wine/predictions?limit=10000", key=key)
    return {each["id"] for each in listed["predictions"]}


def give_feedback(url: str, key: str = "") -> None:
    """Post predictions and feedback to them, and wait until the store has both."""
    ids = [predict(url, key, alcohol=10 + number / 100)["id"] for number in range(20)]
    for id_ in ids:
        ask(f"{url}/feedback", {"id": id_, "actual": "bom"}, key)
    wait_until(lambda: all(ask(f"{url}/predictions/{id_}", key=key)["actual"] for id_ in ids))


def test_a_small_one_serves_is_monitored_and_retrained_and_keeps_all_of_it(tmp_path: Path):
    """One pod that serves, with the monitor and the CronJob on its volume."""
    resources = render(OVERLAYS / "small")
    pods = dict(pod_templates(resources))
    with Cluster(resources, tmp_path) as cluster:
        serving = Pod(cluster, "serving-1", pods["adega"])
        with probed(serving) as kubelet:
            url = serving.url("http")
            give_feedback(url)
            monitor = Pod(cluster, "monitor", pods["adega-monitor"])
            retraining = Pod(cluster, "retraining", pods["adega-retraining"])
            assert retraining.wait() == 0, retraining.logs()
            wait_until(lambda: versions(url) == {1: ["live"], 2: []})
            wait_until(lambda: ask(f"{url}/models/wine/monitor")["report"])
            assert monitor.delete() == 0
            run("docker", "exec", serving.id, "adega", "promote", "wine", "2", "--force")
            wait_until(lambda: versions(url) == {1: [], 2: ["live"]})
            made = predict(url)["id"]
            assert serving.delete(kubelet.stop) == 0
        assert (kubelet.killed, kubelet.failures["liveness"]) == ("", [])
        with closing(sqlite3.connect(tmp_path / "adega/serving.db")) as store:
            query = "SELECT count(*) FROM predictions WHERE id = ?"
            assert store.execute(query, (made,)).fetchone() == (1,)  # its journal was moved first
        replacing = Pod(cluster, "serving-2", pods["adega"])
        with probed(replacing):
            assert made in recorded(replacing.url("http"))
            assert versions(replacing.url("http")) == {1: [], 2: ["live"]}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with running_team(tmp_path_factory.mktemp("team")) as started:
        yield started


def test_a_pod_is_replaced_under_load_and_no_request_is_lost(team: Team):
    with team.serving("old") as (old, kubelet), team.serving("new") as (new, its_kubelet):
        leaving, coming = ((pod.address, pod.port("http")) for pod in (old, new))
        endpoints = Endpoints(leaving)
        clients = Clients(endpoints, wine(), team.key)
        wait_until(lambda: clients.outcomes["200"] > 500)
        endpoints.add(coming)
        began = time.monotonic()
        timer = endpoints.remove_after(LAG, leaving)
        assert old.delete(kubelet.stop) == 0
        assert time.monotonic() - began < old.spec["terminationGracePeriodSeconds"]
        timer.join()
        clients.finish()
        assert {*clients.outcomes} == {"200"}, clients.outcomes
        for each in (kubelet, its_kubelet):
            assert (each.killed, each.failures["liveness"]) == ("", [])
        assert not its_kubelet.failures["readiness"]
        assert {*clients.ids} <= recorded(new.url("http"), team.key)
        new.kill()


def test_pods_wait_for_postgresql_and_none_is_started_again(team: Team):
    with team.serving("there") as (there, kubelet):
        run("docker", "kill", team.postgresql)
        coming = Pod(team.cluster, "coming", team.pods["adega"])
        its_kubelet = Kubelet(coming)
        try:
            wait_until(lambda: not kubelet.ready.is_set())
            wait_until(lambda: len(its_kubelet.failures["readiness"]) > 1)
            run("docker", "start", team.postgresql)
            wait_until(lambda: kubelet.ready.is_set() and its_kubelet.ready.is_set())
            for each in (kubelet, its_kubelet):
                assert (each.killed, each.failures["liveness"]) == ("", [])
        finally:
            its_kubelet.stop()
        there.kill()
        coming.kill()


def test_a_team_is_monitored_and_retrained_and_what_passes_the_gate_goes_live(team: Team):
    with team.serving("served") as (pod, _):
        url = pod.url("http")
        assert_scraped(team, pod)
        give_feedback(url, team.key)
        monitor = Pod(team.cluster, "monitor", team.pods["adega-monitor"])
        wait_until(lambda: ask(f"{url}/models/wine/monitor", key=team.key)["report"])
        assert monitor.delete() == 0
        retraining = Pod(team.cluster, "retraining", team.pods["adega-retraining"])
        assert retraining.wait() in {0, 3}, retraining.logs()
        live = 2 if "it is live" in retraining.logs() else 1
        wait_until(lambda: {1, 2} == {*versions(url, team.key)})
        wait_until(lambda: versions(url, team.key)[live] == ["live"])
        pod.kill()


def assert_scraped(team: Team, pod: Pod) -> None:
    """The PodMonitor names a key that may read the metrics."""
    (endpoint,) = one(team.cluster.resources, "PodMonitor", "adega")["spec"]["podMetricsEndpoints"]
    credentials = endpoint["authorization"]["credentials"]
    secret = team.cluster.data("Secret", credentials["name"])
    assert secret
    url = pod.url(endpoint["port"]) + endpoint["path"]
    assert "serving_requests_total" in ask(url, key=secret[credentials["key"]])


def test_kserve_serves_the_folder_that_it_downloaded(tmp_path: Path):
    runtime, service = (
        yaml.safe_load((DEPLOY / f"kserve/{name}.yaml").read_text())
        for name in ("serving-runtime", "inference-service")
    )
    name, predictor = service["metadata"]["name"], service["spec"]["predictor"]
    assert predictor["model"]["runtime"] == runtime["metadata"]["name"]
    spec = json.loads(json.dumps(runtime["spec"]).replace("{{.Name}}", name))
    (container,) = spec["containers"]
    container["lifecycle"] = predictor["model"]["lifecycle"]
    spec["terminationGracePeriodSeconds"] = predictor["terminationGracePeriodSeconds"]
    with Cluster([], tmp_path) as cluster:
        pod = Pod(cluster, name, {"spec": spec}, [f"{MODELS}:/mnt/models:ro"])
        with probed(pod) as kubelet:
            url = pod.url(8080)
            v1 = ask(f"{url}/v1/models/{name}:predict", {"instances": [wine()]})
            assert v1["predictions"] == ["bom"]
            v2 = ask(f"{url}/v2/models/{name}/infer", {"inputs": columns(wine())})
            assert v2["outputs"][0]["data"] == ["bom"]
            scraped = runtime["spec"]["annotations"]
            metrics = f"http://{pod.address}:{scraped['prometheus.kserve.io/port']}"
            path = scraped["prometheus.kserve.io/path"]
            assert "serving_requests_total" in ask(metrics + path)
        assert (kubelet.killed, kubelet.failures["liveness"]) == ("", [])
