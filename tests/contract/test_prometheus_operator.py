"""The resources for the Prometheus Operator have the types that are made from its schemas."""

import json
import subprocess
from pathlib import Path

import pytest
from manifests import OVERLAYS, render

MODULES = Path(__file__).parent / "node_modules"
PACKAGE = "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1"


def checked(folder: Path, resources: list[dict[str, object]]) -> str:
    """What TypeScript's compiler finds wrong with resources."""
    (folder / "node_modules").symlink_to(MODULES)
    lines = [f'import type * as operator from "{PACKAGE}";']
    for number, resource in enumerate(resources):
        kind = f"operator.I{resource['kind']}"
        lines.append(f"export const resource{number}: {kind} = {json.dumps(resource)};")
    file = folder / "resources.ts"
    file.write_text("\n".join(lines))
    options = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext")
    command = [MODULES / ".bin/tsc", *options, file]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def resources() -> list[dict[str, object]]:
    own = [each for each in render(OVERLAYS / "team") if "monitoring.coreos" in each["apiVersion"]]
    assert {each["kind"] for each in own} == {"PodMonitor", "PrometheusRule"}
    return own


def test_the_operator_knows_every_field(tmp_path: Path, resources: list[dict[str, object]]):
    assert checked(tmp_path, resources) == ""


def test_a_field_that_the_operator_does_not_know_is_found(tmp_path: Path):
    unknown = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "spek": {}}
    assert "'\"spek\"' does not exist" in checked(tmp_path, [unknown])
