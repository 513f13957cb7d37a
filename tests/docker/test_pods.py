"""What the manifests for Kubernetes and KServe describe, run by Docker exactly so."""

import json
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from conftest import MODELS, ROOT, wine
from endpoints import Clients, Endpoints
from images import SERVING, TRAINING, build_training, run
from manifests import DEPLOY, OVERLAYS, one, pod_templates, render
from pods import Cluster, Kubelet, Pod, ask, probed
from servers import wait_until
from tensors import columns

from serving.access import entries
from serving.access.entries import Entry

BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LAG = 3  # seconds for which new connections still arrive at a pod that ends
WEED = ROOT / "tests/objects/.venv/bin/weed"  # SeaweedFS, a server of S3's protocol
S3 = {"AWS_ACCESS_KEY_ID": "key-of-this-test", "AWS_SECRET_ACCESS_KEY": "secret-of-this-test"}


@pytest.fixture(scope="module", autouse=True)
def images() -> None:
    build_training()


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
            assert serving.delete(kubelet) == 0
        assert (kubelet.killed, kubelet.failures["liveness"]) == ("", [])
        with closing(sqlite3.connect(tmp_path / "adega/serving.db")) as store:
            query = "SELECT count(*) FROM predictions WHERE id = ?"
            assert store.execute(query, (made,)).fetchone() == (1,)  # its journal was moved first
        replacing = Pod(cluster, "serving-2", pods["adega"])
        with probed(replacing):
            assert made in recorded(replacing.url("http"))
            assert versions(replacing.url("http")) == {1: [], 2: ["live"]}


class Team(NamedTuple):
    """The overlay of docs/kubernetes.md, with PostgreSQL and an object store."""

    cluster: Cluster
    pods: dict[str, Any]
    key: str
    postgresql: str

    @contextmanager
    def serving(self, name: str) -> Iterator[tuple[Pod, Kubelet]]:
        """A pod that serves, from when it is ready."""
        pod = Pod(self.cluster, name, self.pods["adega"])
        with probed(pod) as kubelet:
            yield pod, kubelet


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("team")
    key = write_overlay(folder / "production")
    resources = render(folder / "production")
    used = {
        each["image"]: TRAINING if TRAINING in each["image"] else SERVING
        for _, template in pod_templates(resources)
        for each in template["spec"]["containers"]
    }
    for name, image in used.items():
        run("docker", "tag", image, name)
    try:
        with Cluster(resources, folder) as cluster:
            postgresql = start_postgresql(cluster)
            start_objects(cluster, folder)
            pods = dict(pod_templates(resources))
            upload = json.loads(json.dumps(pods["adega"]))
            upload["spec"]["containers"][0]["args"] = ["adega", "upload", "models"]
            uploading = Pod(cluster, "upload", upload)
            assert uploading.wait() == 0, uploading.logs()
            yield Team(cluster, pods, key, postgresql)
    finally:
        run("docker", "rmi", *used)


def write_overlay(folder: Path) -> str:
    """Write what docs/kubernetes.md has one write; return a key that may do everything."""
    shutil.copytree(DEPLOY / "kubernetes", folder.parent / "adega/deploy/kubernetes")
    folder.mkdir()
    (overlay,) = BLOCK.findall((ROOT / "docs/kubernetes.md").read_text(encoding="utf-8"))
    (folder / "kustomization.yaml").write_text(overlay)
    variables = S3 | {
        "AWS_ENDPOINT_URL": "http://objects:8333",
        "DATABASE_URL": "postgresql://adega:password@postgres/adega",
        "SESSION_SECRET": "s" * 32,
    }
    lines = [f"{name}={value}\n" for name, value in variables.items()]
    (folder / "secret.env").write_text("".join(lines))
    keys = {name: entries.generate() for name in ("ana", "prometheus")}
    scopes = {"ana": ("admin",), "prometheus": ("metrics",)}

    def put(kept: dict[str, Entry]) -> None:
        for name, key in keys.items():
            kept[name] = Entry(entries.hash_of(key).hex(), scopes[name])

    entries.change_file(folder / "keys.json", put)
    (folder / "metrics.key").write_text(keys["prometheus"])
    return keys["ana"]


def start_postgresql(cluster: Cluster) -> str:
    variables = {"USER": "adega", "PASSWORD": "password", "DB": "adega"}
    options = [f"--env=POSTGRES_{name}={value}" for name, value in variables.items()]
    id_ = cluster.start("postgres", "--network-alias=postgres", *options, "postgres:17")
    ready = ("docker", "exec", id_, "pg_isready", "-h", "127.0.0.1", "-U", "adega")
    wait_until(lambda: "accepting" in run(*ready, check=False))
    return id_


def start_objects(cluster: Cluster, folder: Path) -> None:
    identity = {
        "name": "test",
        "credentials": [dict(zip(("accessKey", "secretKey"), S3.values(), strict=True))],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    file = folder / "s3.json"
    file.write_text(json.dumps({"identities": [identity]}))
    mounts = (f"--volume={WEED}:/weed:ro", f"--volume={file}:/s3.json:ro", "--user=0")
    server = ("/weed", "server", "-dir=/tmp", "-filer", "-s3", "-s3.config=/s3.json")
    volume = ("-volume.max=20", "-master.volumeSizeLimitMB=64")
    id_ = cluster.start("objects", "--network-alias=objects", *mounts, SERVING, *server, *volume)
    probe = "import urllib.request as r; r.urlopen('http://127.0.0.1:8333/')"
    wait_until(lambda: "403" in run("docker", "exec", id_, "python", "-c", probe, check=False))
    made = "echo s3.bucket.create -name bucket | /weed shell"
    run("docker", "exec", id_, "sh", "-c", made)


def test_a_pod_is_replaced_under_load_and_no_request_is_lost(team: Team):
    with team.serving("old") as (old, kubelet), team.serving("new") as (new, its_kubelet):
        leaving, coming = ((pod.address, pod.port("http")) for pod in (old, new))
        endpoints = Endpoints(leaving)
        clients = Clients(endpoints, wine(), team.key)
        wait_until(lambda: clients.outcomes["200"] > 500)
        endpoints.add(coming)
        began = time.monotonic()
        timer = endpoints.remove_after(LAG, leaving)
        assert old.delete(kubelet) == 0
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
