"""Each story has ten commands, in order, which print what it shows.

They train models: `make test-docs` runs them, `make test` the rest of this.
"""

import os
import re
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import page_commands
import pytest
from conftest import ROOT
from page_commands import Step, blocks, matches, steps
from servers import Server, gunicorn, running

STORIES = sorted(page.name for page in ROOT.glob("docs/stories/[a-z]*.md"))
ENGLISH = [name for name in STORIES if not name.endswith(".pt-BR.md")]


class Real(NamedTuple):
    """A file that may not come along.

    Attributes
    ----------
    name : str
        Of the file in DATA_DIR.
    invented : str
        The file of examples/stories in its place.
    figures : tuple of str
        Those of the real file that the page shows, as the commands print them.
    """

    name: str
    invented: str
    figures: tuple[str, ...]


REAL = {
    "air-quality.md": Real("air-quality.csv", "AirQualityUCI.csv", ()),
    "california-housing.md": Real(
        "california-housing.csv", "california-housing.csv", ("965", "0.5317", "0.3146", "0.8836")
    ),
    "imoveis.md": Real("sao-paulo-properties.csv", "sao-paulo-properties.csv", ("94,763",)),
    "loan.md": Real("loan.csv", "loan.csv", ("0.8078",)),
}
ASSIGNMENT = re.compile(r"^\w+=(['\"]).*\1$")


def commands(step: Step) -> list[str]:
    """The lines of a step that do something; the others give a record a name."""
    return [line for line in step.commands.splitlines() if not ASSIGNMENT.match(line)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_commands.clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="module")
def service(clone: Path) -> Iterator[Server]:
    with running(gunicorn(), clone / "log", MODELS_DIR=str(clone / "models")) as started:
        yield started


@pytest.mark.docs
@pytest.mark.parametrize("name", ENGLISH)
def test_every_command_of_a_story_prints_what_it_shows(name: str, clone: Path, service: Server):
    story = steps(f"docs/stories/{name}")
    for step, printed in zip(story, page_commands.run(story, clone, service.url), strict=True):
        assert matches(step.output, printed), f"{step.commands}\n{printed}"


@pytest.mark.docs
@pytest.mark.parametrize("name", REAL)
def test_the_commands_of_a_story_work_on_the_real_file(name: str, tmp_path: Path):
    real, folder = REAL[name], os.environ.get("DATA_DIR")
    if not folder:
        pytest.skip(f"DATA_DIR names no folder with {real.name}, which may not come along")
    clone = page_commands.clone(tmp_path)
    shutil.copyfile(Path(folder) / real.name, clone / "examples/stories" / real.invented)
    story = steps(f"docs/stories/{name}")
    with running(gunicorn(), tmp_path / "log", MODELS_DIR=str(clone / "models")) as service:
        printed = "".join(page_commands.run(story, clone, service.url))
    page = (ROOT / "docs/stories" / name).read_text(encoding="utf-8")
    assert [each for each in real.figures if each not in printed or each not in page] == []


@pytest.mark.parametrize("name", ENGLISH)
def test_a_story_has_ten_commands(name: str):
    assert sum(len(commands(step)) for step in steps(f"docs/stories/{name}")) == 10


@pytest.mark.parametrize("name", [name for name in STORIES if name not in ENGLISH])
def test_a_story_has_the_same_commands_and_outputs_in_portuguese(name: str):
    english = name.replace(".pt-BR", "")
    assert blocks(f"docs/stories/{name}") == blocks(f"docs/stories/{english}")


def test_every_story_is_in_the_list():
    index = (ROOT / "docs/stories/README.md").read_text(encoding="utf-8")
    assert [name for name in STORIES if f"]({name})" not in index] == []


@pytest.mark.parametrize("folder", ["examples", "examples/class", "examples/stories"])
def test_the_invented_files_are_as_their_script_makes_them(folder: str):
    for name, made in runpy.run_path(str(ROOT / folder / "make.py"))["FILES"].items():
        assert made() == (ROOT / folder / name).read_text(encoding="utf-8"), name
