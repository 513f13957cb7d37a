"""The manifests of deploy/, as kubectl renders them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from programs import skip_or_fail

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
OVERLAYS = DEPLOY / "kubernetes/overlays"
OPERATORS = {"monitoring.coreos.com/v1", "serving.kserve.io/v1alpha1", "serving.kserve.io/v1beta1"}

Resource = dict[str, Any]


def kubectl(*arguments: str | Path, **variables: str) -> str:
    """What kubectl prints; a machine without it skips the test, unless it is to test all."""
    program = shutil.which("kubectl")
    if program is None:
        skip_or_fail("kubectl is not installed; it is in Debian's package kubernetes-client")
    done = subprocess.run(
        [program, *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def render(folder: Path) -> list[Resource]:
    """All resources of an overlay."""
    return [*yaml.safe_load_all(kubectl("kustomize", folder))]


def one(resources: list[Resource], kind: str, name: str) -> Resource:
    """The resource of a kind and a name."""
    (found,) = (
        each for each in resources if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )
    return found


def pod_templates(resources: list[Resource]) -> Iterator[tuple[str, Resource]]:
    """Names and templates of all pods."""
    for resource in resources:
        spec = resource.get("spec", {})
        spec = spec.get("jobTemplate", {"spec": spec})["spec"]
        if "template" in spec:
            yield resource["metadata"]["name"], spec["template"]


def containers(pod: Resource) -> list[Resource]:
    """All containers of the spec of a pod."""
    return [*pod.get("initContainers", ()), *pod["containers"]]
