"""The lesson of docs/class.md, in real processes: from a first version to a better one.

It trains three times: `make test-docs` runs it, `make test` the rest of this.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import page_commands
import pytest
from conftest import ROOT
from page_commands import Step, blocks, matches, steps
from servers import Server, gunicorn, running

PAGES = ["docs/class.md", "docs/class.pt-BR.md"]
RUN_ELSEWHERE = ("make class", "export COMPOSE_PROJECT_NAME")  # here, and in tests/docker


def lesson() -> list[Step]:
    return [each for each in steps(PAGES[0]) if not each.commands.startswith(RUN_ELSEWHERE)]


def make_class(folder: Path) -> Path:
    command = ["make", "--silent", "class", f"CLASS={folder}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = page_commands.clone(tmp_path_factory.mktemp("clone"))
    make_class(folder / "class")
    return folder


@pytest.fixture(scope="module")
def service(clone: Path) -> Iterator[Server]:
    own = {"MODELS_DIR": str(clone / "class/models"), "VAR_DIR": str(clone / "class/var")}
    with running(gunicorn(), clone / "log", **own) as started:
        yield started


@pytest.mark.docs
def test_the_lesson_goes_as_its_page_shows(clone: Path, service: Server):
    own = {"models": "class/models", "var": "class/var"}
    for step, printed in zip(
        lesson(), page_commands.run(lesson(), clone, service.url, **own), strict=True
    ):
        assert matches(step.output, printed), f"{step.commands}\n{printed}"


def test_making_the_class_again_begins_anew_and_leaves_other_files(tmp_path: Path):
    folder = make_class(tmp_path / "class")
    first = {each.relative_to(folder): each.read_bytes() for each in files(folder)}
    (folder / "notes.txt").write_text("mine")
    (folder / "models/wine/current").write_text("2\n")
    (folder / "var/serving.db").write_text("recorded")
    (folder / "today.csv").unlink()
    again = {each.relative_to(folder): each.read_bytes() for each in files(make_class(folder))}
    assert again == first | {Path("notes.txt"): b"mine"}


def files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


@pytest.mark.parametrize("page", PAGES)
def test_what_is_clicked_in_the_lesson_has_that_name_on_the_pages(page: str):
    phrases: dict[str, str] = {}  # English, and Portuguese
    for file in ROOT.glob("serving/api/pages/portuguese/*.json"):
        phrases |= json.loads(file.read_text(encoding="utf-8"))
    known = phrases.values() if "pt-BR" in page else phrases
    shown = [re.sub(r"\\{\w+\\}", ".+", re.escape(each)) for each in known]
    text = (ROOT / page).read_text(encoding="utf-8")
    steps = re.findall(r"\*\*(?:Browser|Navegador):\*\*(.*?)\n\n", text, re.DOTALL)
    named = {" ".join(each.split()) for each in re.findall(r"\*(.+?)\*", "".join(steps), re.DOTALL)}
    other = {"alcohol", "De Texto/CSV"}  # a field, and a menu of Excel
    assert len(named) > 15
    assert [each for each in named - other if not re.fullmatch("|".join(shown), each)] == []


def test_both_languages_have_the_same_commands_and_outputs():
    english, portuguese = map(blocks, PAGES)
    assert english == portuguese
