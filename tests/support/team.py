"""The overlay for a team, as docs/kubernetes.md has one write it, and what its pods use."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from images import ROOT, SERVING, run
from kubelet import Kubelet, probed
from manifests import DEPLOY, pod_templates, render
from pods import Cluster, Pod
from servers import wait_until

from bench import seaweedfs
from serving.access import entries
from serving.access.entries import Entry

BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
S3 = {"AWS_ACCESS_KEY_ID": seaweedfs.KEY, "AWS_SECRET_ACCESS_KEY": seaweedfs.SECRET}


class Team(NamedTuple):
    """A cluster with the overlay, its templates of pods, a key for all and the database."""

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


@contextmanager
def running_team(folder: Path) -> Iterator[Team]:
    """PostgreSQL, an object store with the models, and the overlay; no pod runs yet."""
    key = write_overlay(folder / "production")
    resources = render(folder / "production")
    used = {
        each["image"]
        for _, template in pod_templates(resources)
        for each in template["spec"]["containers"]
    }
    for name in used:
        run("docker", "tag", SERVING, name)
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
    file = folder / "s3.json"
    file.write_text(json.dumps(seaweedfs.IDENTITIES))
    assert seaweedfs.PROGRAM.exists(), "SeaweedFS is not installed: make test-docker"
    mounts = (f"--volume={seaweedfs.PROGRAM}:/weed:ro", f"--volume={file}:/s3.json:ro", "--user=0")
    server = ("/weed", "server", "-dir=/tmp", "-filer", "-s3", "-s3.config=/s3.json")
    volume = ("-volume.max=20", "-master.volumeSizeLimitMB=64")
    id_ = cluster.start("objects", "--network-alias=objects", *mounts, SERVING, *server, *volume)
    probe = "import urllib.request as r; r.urlopen('http://127.0.0.1:8333/')"
    wait_until(lambda: "403" in run("docker", "exec", id_, "python", "-c", probe, check=False))
    made = "echo s3.bucket.create -name bucket | /weed shell"
    run("docker", "exec", id_, "sh", "-c", made)
