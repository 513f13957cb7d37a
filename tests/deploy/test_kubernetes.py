"""The manifests for Kubernetes are valid, and refer to what there is; tests/docker runs them."""

import ast
import dataclasses
import os
import re
import shutil
import textwrap
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from conftest import ROOT
from discovery import discovery
from manifests import (
    DEPLOY,
    OPERATORS,
    OVERLAYS,
    Resource,
    containers,
    kubectl,
    one,
    pod_templates,
    render,
)

from serving.settings import Settings

RELEASES = ("1.33", "1.37")  # of Kubernetes
NAMES = sorted(each.name for each in OVERLAYS.iterdir())
RULES = DEPLOY / "prometheus/rules.yml"
RULES_HEAD = """\
# The rules of deploy/prometheus/rules.yml, as `WRITE=1 pytest tests/deploy` copies them.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: adega
  labels: {app.kubernetes.io/name: adega}
spec:
"""


@pytest.fixture(scope="module", params=NAMES)
def overlay(request: pytest.FixtureRequest) -> list[Resource]:
    return render(OVERLAYS / request.param)


@pytest.mark.parametrize("release", RELEASES)
def test_every_resource_is_valid_in_two_releases(overlay: list[Resource], release: str):
    for resource in overlay:
        if resource["apiVersion"] not in OPERATORS:
            kubernetes_validate.validate(resource, release, strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_kubectl_would_create_every_resource(name: str, tmp_path: Path):
    resources = render(OVERLAYS / name)
    kinds = {(each["apiVersion"], each["kind"]) for each in resources}
    with discovery(kinds) as url:
        created = kubectl(
            "create",
            *("--dry-run=client", "--validate=false", f"--server={url}", "--output=name"),
            *("--kustomize", OVERLAYS / name),
            HOME=str(tmp_path),  # where it keeps the kinds that a server has
        )
    expected = [_name(each) for each in resources]
    assert sorted(created.split()) == sorted(expected)


def _name(resource: Resource) -> str:
    group = resource["apiVersion"].rpartition("/")[0].partition("/")[0]
    kind = resource["kind"].lower() + (f".{group}" if group else "")
    return f"{kind}/{resource['metadata']['name']}"


def test_every_variable_is_a_setting(overlay: list[Resource]):
    """Or one that the object store's own tools read."""
    known = {field.name.upper() for field in dataclasses.fields(Settings)}
    known |= {*re.findall(r"`(AWS_\w+)`", (ROOT / "docs/object-store.md").read_text())}
    named = set()
    for resource in overlay:
        if resource["kind"] == "ConfigMap":
            named |= {*resource["data"]}
        if resource["kind"] == "Secret" and resource["metadata"]["name"].startswith("adega-"):
            named |= {key for key in resource["data"] if key.isupper()}
    for _, template in pod_templates(overlay):
        for container in containers(template["spec"]):
            named |= {each["name"] for each in container.get("env", ())}
    assert named
    assert named <= known


def test_every_pod_is_restricted(overlay: list[Resource]):
    """As the Pod Security Standard of that name asks, with a read-only root besides."""
    for name, template in pod_templates(overlay):
        pod = template["spec"]
        own = pod["securityContext"]
        assert own["runAsNonRoot"], name
        assert own["runAsUser"] == own["runAsGroup"] == own["fsGroup"] == 10001
        assert own["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & {*pod}
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= {*container["resources"]["requests"]}
            assert "memory" in container["resources"]["limits"]
        for volume in pod["volumes"]:
            assert {*volume} - {"name"} <= {"emptyDir", "secret", "persistentVolumeClaim"}


def test_every_reference_leads_somewhere(overlay: list[Resource]):
    """Or is optional: kubectl would create the pods, and they would wait for ever."""
    there = {(each["kind"], each["metadata"]["name"]) for each in overlay}
    for name, template in pod_templates(overlay):
        pod = template["spec"]
        assert ("ServiceAccount", pod["serviceAccountName"]) in there
        for volume in pod["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                assert ("PersistentVolumeClaim", claim["claimName"]) in there
            if secret := volume.get("secret"):
                assert secret["optional"] or ("Secret", secret["secretName"]) in there
        for container in containers(pod):
            for source in container["envFrom"]:
                (kind, reference), *others = source.items()
                assert not others
                found = (kind[0].upper() + kind[1:].removesuffix("Ref"), reference["name"])
                assert reference.get("optional") or found in there, name
            mounted = {each["name"] for each in container["volumeMounts"]}
            assert mounted <= {each["name"] for each in pod["volumes"]}
    for resource in overlay:
        for labels in _selectors(resource):
            assert any(
                labels.items() <= template["metadata"]["labels"].items()
                for _, template in pod_templates(overlay)
            ), resource["metadata"]["name"]


def _selectors(resource: Resource) -> list[dict[str, str]]:
    """The labels by which a resource selects pods."""
    spec = resource.get("spec", {})
    if resource["kind"] == "Service":
        return [spec["selector"]]
    return [spec[name]["matchLabels"] for name in ("selector", "podSelector") if name in spec]


def test_a_pod_has_time_for_all_that_a_stop_takes(overlay: list[Resource]):
    """preStop, then what gunicorn gives requests and the journal together, and 3 seconds more."""
    pod = one(overlay, "Deployment", "adega")["spec"]["template"]["spec"]
    (serving,) = pod["containers"]
    program, seconds = serving["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    graceful = _in_gunicorn_conf("graceful_timeout")
    assert pod["terminationGracePeriodSeconds"] > int(seconds) + graceful + 3
    # Longer than it takes until every node has taken the pod's address away.
    assert int(seconds) >= 10


def test_only_a_pod_that_does_not_respond_is_started_again(overlay: list[Resource]):
    """A database that is away makes it not ready, and no restart would mend that."""
    (serving,) = one(overlay, "Deployment", "adega")["spec"]["template"]["spec"]["containers"]
    asked = {name: serving[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness")}
    assert {each["path"] for each in asked.values()} == {"/health/live"}
    assert serving["readinessProbe"]["httpGet"]["path"] == "/health/ready"


def _in_gunicorn_conf(name: str) -> Any:
    """The value of a variable in gunicorn's configuration."""
    for statement in ast.parse((ROOT / "gunicorn.conf.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return ast.literal_eval(statement.value)
    raise KeyError(name)


def test_one_monitor_runs_at_a_time(overlay: list[Resource]):
    monitor = one(overlay, "Deployment", "adega-monitor")["spec"]
    assert (monitor["replicas"], monitor["strategy"]) == (1, {"type": "Recreate"})
    monitoring = [
        name
        for name, template in pod_templates(overlay)
        for container in containers(template["spec"])
        if "monitor" in container["args"]
    ]
    assert monitoring == ["adega-monitor"]


def test_what_a_pod_of_the_team_keeps_on_its_disk_another_can_do_without():
    """What it answered is in PostgreSQL, models in the object store, and sessions hold for all."""
    resources = render(OVERLAYS / "team")
    config = next(each["data"] for each in resources if each["kind"] == "ConfigMap")
    assert config["JOURNAL_REQUIRED"] == "store"
    assert config["MODELS_URL"]
    assert config["API_KEYS_FILE"] == "/etc/adega/keys.json"
    secret = {name for each in resources if each["kind"] == "Secret" for name in each["data"]}
    assert {"DATABASE_URL", "SESSION_SECRET", "keys.json"} <= secret
    for _, template in pod_templates(resources):
        assert not [each for each in template["spec"]["volumes"] if "persistentVolumeClaim" in each]


def test_the_rules_are_those_of_prometheus():
    file = DEPLOY / "kubernetes/prometheus/rules.yaml"
    _, _, rules = RULES.read_text().partition("\n")
    expected = RULES_HEAD + textwrap.indent(rules, "  ")
    if os.environ.get("WRITE"):
        file.write_text(expected)
    assert file.read_text() == expected, "run `WRITE=1 pytest tests/deploy`"
    assert yaml.safe_load(expected)["spec"] == yaml.safe_load(RULES.read_text())


def test_a_small_one_may_have_them_too(tmp_path: Path):
    shutil.copytree(DEPLOY / "kubernetes", tmp_path / "kubernetes")
    overlay = tmp_path / "kubernetes/overlays/small"
    with (overlay / "kustomization.yaml").open("a") as file:
        file.write("components: [../../prometheus]\n")
    (endpoint,) = one(render(overlay), "PodMonitor", "adega")["spec"]["podMetricsEndpoints"]
    assert "authorization" not in endpoint


def test_prometheus_scrapes_the_job_that_the_rules_are_about():
    monitor = one(render(OVERLAYS / "team"), "PodMonitor", "adega")["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert {"targetLabel": "job", "replacement": "serving"} in endpoint["relabelings"]
    assert 'up{job="serving"}' in RULES.read_text()
    assert endpoint["path"] == "/metrics"
    pod = one(render(OVERLAYS / "team"), "Deployment", "adega")["spec"]["template"]["spec"]
    assert endpoint["port"] in {each["name"] for each in pod["containers"][0]["ports"]}
