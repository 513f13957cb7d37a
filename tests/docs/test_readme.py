"""What README says is what happens, in both languages."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Server, running

READMES = ["README.md", "README.pt-BR.md"]
RUN_ELSEWHERE = {
    "docker compose up --build": "tests/docker",
    "make serve": "the server of this module",
    "make test": "whoever runs this",
    ".venv/bin/python -m train homes.csv --target price --name homes": "tests/test_train_csv.py",
    ".venv/bin/python -m train import model.pkl --name churn --sample rows.csv "
    "--target churned": "tests/train/test_train_import.py",
    "DATABASE_URL=postgresql://serving:serving@postgres/serving "
    "docker compose --profile postgres up": "tests/docker",
    ".venv/bin/python -m serving versions wine\n"
    '.venv/bin/python -m serving promote wine 2 --why "trained on June"\n'
    ".venv/bin/python -m serving rollback wine": "tests/versions/test_versions.py",
    'curl -H "Authorization: Bearer $KEY" -d \'{"action": "promote", "version": 2}\' '
    "http://localhost:5000/models/wine/versions": "tests/versions/test_versions.py",
    "curl --data-binary @rows.csv -H 'Content-Type: text/csv' "
    "http://localhost:5000/predict": "tests/api/test_streams.py",
    ".venv/bin/python -m serving monitor --once": "tests/test_passes.py",
    ".venv/bin/python -m train wine --with-feedback --auto": "tests/test_retrain.py",
    "curl -H 'Accept: text/csv' 'http://localhost:5000/models/wine/predictions"
    "?label=bom&limit=1000'": "tests/api/test_feedback.py",
}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as `make serve` starts it."""
    with running(["make", "serve"], tmp_path_factory.mktemp("make") / "log") as server:
        yield server


def blocks(readme: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / readme).read_text(encoding="utf-8"))


def commands(readme: str) -> list[tuple[str, str]]:
    """Each command with what README shows of its output, if anything."""
    found = [*blocks(readme), ("", "")]
    return [
        (text.strip(), output if kind != "sh" else "")
        for (shell, text), (kind, output) in pairwise(found)
        if shell == "sh"
    ]


@pytest.mark.parametrize(
    ("readme", "command", "shown"),
    [(readme, *each) for readme in READMES for each in commands(readme)],
)
def test_a_command_does_what_readme_shows(made: Server, readme: str, command: str, shown: str):
    if command in RUN_ELSEWHERE:
        assert not shown
        return
    local = shlex.split(command.replace("http://localhost:5000", made.url))
    output = subprocess.run(local, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert comparable(output) == comparable(shown), readme


def comparable(output: str) -> Any:
    """An output without what differs from one run to the next, or is left out in README."""
    try:
        answer = json.loads(output.replace("[…]", '"…"'))
    except json.JSONDecodeError:
        return output.strip()
    return answer | {name: "…" for name in ("id", "errors", "unmatched") if name in answer}


def test_both_languages_show_the_same():
    english, portuguese = (blocks(readme) for readme in READMES)
    assert english == portuguese
    assert len(english) > 8


def test_the_figures_are_those_of_the_committed_model():
    text = (ROOT / "docs/models.md").read_text()
    manifest = json.loads((ROOT / "models/wine/1/model.json").read_text())
    for figure in manifest["metrics"].values():
        row = " | ".join(f"{figure[name]:.4f}" for name in ("mean", "spread", "baseline"))
        assert row in text


@pytest.mark.parametrize("readme", READMES)
def test_what_is_linked_is_there(readme: str):
    for target in re.findall(
        r"\]\((?!http|#)([^)]+)\)", (ROOT / readme).read_text(encoding="utf-8")
    ):
        assert Path(ROOT / target.partition("#")[0]).exists()
