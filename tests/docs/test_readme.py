"""Every command of README, in the order of the page, prints what README shows.

They train five models: `make test-docs` runs them, `make test` the rest of this.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import page_commands
import pytest
from conftest import MODELS, ROOT, same_arrays
from page_commands import Step, blocks, matches, steps
from servers import Server, running

from serving.models import artefact
from serving.models.artefact import FOREST, ONNX
from serving.models.engine import Engine
from serving.models.explaining.explanation import ExplainOptions
from serving.models.forest import is_available

READMES = ["README.md", "README.pt-BR.md"]
RUN_ELSEWHERE = {
    "docker compose up --build": "tests/docker",
    "make serve": "the server of this module",
}


def run_here() -> list[Step]:
    return [step for step in steps("README.md") if step.commands not in RUN_ELSEWHERE]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_commands.clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="module")
def service(clone: Path) -> Iterator[Server]:
    """The service as `make serve` starts it, with the clone's models."""
    serve = ["make", "--old-file=.venv/serving", "serve"]  # with what is installed
    with running(serve, clone / "log", MODELS_DIR=str(clone / "models")) as started:
        yield started


@pytest.fixture(scope="module")
def outputs(service: Server, clone: Path) -> list[str]:
    """What the commands print, of each block."""
    return page_commands.run(run_here(), clone, service.url)


@pytest.mark.docs
def test_every_command_prints_what_readme_shows(outputs: list[str]):
    for step, output in zip(run_here(), outputs, strict=True):
        assert matches(step.output, output), f"{step.commands}\n{output}"


@pytest.mark.docs
def test_the_same_data_and_seed_give_the_same_model_which_is_the_committed_one(
    outputs: list[str], clone: Path
):
    """Version 2 of wine, which README trains from the data that it comes with."""
    (at,) = (at for at, step in enumerate(run_here()) if " train wine\n" in step.commands)
    assert "0 label differences" in outputs[at]
    trained = artefact.read(clone / "models", "wine", 2)
    committed = artefact.read(ROOT / "models", "wine", 1)
    # zlib differs between machines; ONNX has the trees uncompressed.
    assert trained.contents[ONNX] == committed.contents[ONNX]
    if is_available():
        assert same_arrays(trained.contents[FOREST], committed.contents[FOREST])
    assert trained.manifest.metrics == committed.manifest.metrics


def test_both_languages_show_the_same_commands_and_outputs():
    english, portuguese = map(blocks, READMES)
    assert english == portuguese
    assert len(english) > 20


def test_the_figures_are_those_of_the_committed_model():
    text = (ROOT / "docs/models.md").read_text()
    manifest = json.loads((ROOT / "models/wine/1/model.json").read_text())
    for figure in manifest["metrics"].values():
        row = " | ".join(f"{figure[name]:.4f}" for name in ("mean", "spread", "baseline"))
        assert row in text


def test_the_example_of_an_explanation_is_that_of_the_committed_model():
    text = (ROOT / "docs/explanations.md").read_text(encoding="utf-8")
    engine = Engine(artefact.read(MODELS, "wine", 1))
    rows = engine.schema.decode((ROOT / "bom.json").read_bytes(), 1).matrix
    (found,) = engine.explain(rows, engine.predict(rows), ExplainOptions(), samples=4)
    shown = re.findall(r"^\| ([\w ]+) \| \S+ \| ([+-]0\.\d{3}) \|$", text, re.MULTILINE)
    assert shown[: len(found.contributions)] == [
        (each.field, f"{each.contribution:+.3f}") for each in found.contributions
    ]


@pytest.mark.parametrize("name", ["wine", "wine-score", "diabetes"])
def test_the_table_of_problems_has_the_first_metric_of_each_committed_model(name: str):
    rows = (ROOT / "docs/models.md").read_text().splitlines()
    manifest = json.loads((ROOT / "models" / name / "1/model.json").read_text())
    first = next(iter(manifest["metrics"].values()))
    (row,) = (row for row in rows if row.startswith(f"| `{name}` |"))
    assert f" {first['mean']:.3f} ± {first['spread']:.3f}" in row


PAGES = [
    *READMES,
    "SECURITY.md",
    *(str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("docs/**/*.md"))),
]


@pytest.mark.parametrize("page", PAGES)
def test_what_is_linked_is_there(page: str):
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!http)([^)]+)\)", text):
        target, _, anchor = link.partition("#")
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), link
        if anchor:
            assert anchor in anchors(file), link


@pytest.mark.parametrize("page", [*PAGES, "bench/README.md"])
def test_files_that_are_named_are_there(page: str):
    text = (ROOT / page).read_text(encoding="utf-8")
    folders = "serving|train|tests|bench|docs|deploy|examples"
    named = re.findall(rf"`((?:{folders})/[\w/-]*\w\.\w+)`", text)
    assert [each for each in named if "NAME" not in each and not (ROOT / each).exists()] == []


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
