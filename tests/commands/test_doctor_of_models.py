"""What the doctor finds of models and of the libraries that they need."""

import ast
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from conftest import rewrite, with_a_threshold_moved
from examined import Examine, small_installation, told, wrong

from serving import doctor
from serving.doctor import Finding, libraries
from serving.models.artefact import FOREST, ONNX
from serving.settings import ROOT


@pytest.fixture
def environment(models: Path, tmp_path: Path) -> dict[str, str]:
    return small_installation(models, tmp_path / "var")


@pytest.fixture
def examine(environment: dict[str, str]) -> Examine:
    def found(**changes: str) -> list[Finding]:
        return list(doctor.examine(environment | changes))

    return found


def test_a_library_that_differs_or_is_missing(examine: Examine, monkeypatch: pytest.MonkeyPatch):
    real = metadata.version

    def version(name: str) -> str:
        if name in {"Flask", "skl2onnx"}:
            raise metadata.PackageNotFoundError(name)
        return "0.1" if name == "numpy" else real(name)

    monkeypatch.setattr("serving.doctor.libraries.version", version)
    findings = [finding for finding in examine() if finding.about == "libraries"]
    assert wrong(findings) == [("libraries", state) for state in ("error", "warning", "warning")]
    said = told(findings, "libraries")
    assert "Flask is not installed; " in said
    assert "numpy 0.1 is installed, " in said


def test_every_library_that_serving_imports_counts_as_needed():
    imported: set[str] = set()
    for path in (ROOT / "serving").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
    modules = {name.partition(".")[0] for name in imported} - {"serving", *sys.stdlib_module_names}
    packages = metadata.packages_distributions()
    needed = {name.lower() for module in modules for name in packages[module]}
    assert "gevent" in needed
    assert needed - {"pyarrow"} <= libraries.NEEDED  # that one is optional


def test_a_model_that_is_altered_or_of_other_libraries_or_slow(examine: Examine, models: Path):
    def slower(_: Any, contents: dict[str, bytes]) -> None:
        contents[ONNX] = with_a_threshold_moved(contents[ONNX])
        del contents[FOREST]

    def older(manifest: dict[str, Any], _: Any) -> None:
        manifest["libraries"]["numpy"] = "1.0.0"

    for change, state, sentence in (
        (slower, "warning", "by pickle, because model.onnx does not: it is slower so"),
        (older, "warning", "it was trained with numpy 1.0.0, "),
    ):
        (models / "wine" / "current").write_text(f"{rewrite(models, change)}\n")
        findings = examine()
        assert wrong(findings) == [("model wine", state)]
        assert sentence in told(findings, "model wine")
    (models / "wine" / "3" / "model.pkl").write_bytes(b"")
    findings = examine()
    assert wrong(findings) == [("model wine", "error")]
    assert "model.pkl is not the file that model.json was written for" in told(
        findings, "model wine"
    )


def test_a_default_model_that_is_not_there(examine: Examine):
    findings = examine(DEFAULT_MODEL="beer")
    assert wrong(findings) == [("models", "error")]
    assert "DEFAULT_MODEL=beer has no live version; these have: wine" in told(findings, "models")
