"""The pages of trainings as a browser is sent them; tests/browser has them with real trainings."""

from pathlib import Path

import msgspec
import pytest
from conftest import MODELS
from dashboard import text
from keyed import bearing, entry, written
from msgspec.structs import replace

from app import create_app
from serving.access.callers import NO_KEY
from serving.api.pages.train_pages import likely_target
from serving.sentence import Sentence
from serving.settings import Settings
from serving.trainings.files import PROGRESS
from serving.trainings.training import (
    ColumnChoice,
    Kept,
    Step,
    Training,
    TrainingColumn,
    TrainingProgress,
)
from serving.trainings.trainings import Trainings

BROWSER = {"Accept": "text/html", "Accept-Language": "pt-BR"}
HOSTILE = '"><script>alert(1)</script>'
COUNTS = Sentence("it numbers the rows")
COLUMNS = [
    TrainingColumn(name="área", type="number", unit="m²", missing=2, low=1234.5, high=98765.0),
    TrainingColumn(name=HOSTILE, type="category", values="a, b"),
    TrainingColumn(name="notes", type="text", used=False, why=str(COUNTS), distinct=7),
    TrainingColumn(name="sold", type="boolean", values="yes, no", remark="one label is rare."),
]


READ = Training(id="", file="homes.csv", bytes=0, created="", who="ana", state="ready")


@pytest.fixture
def trainings(tmp_path: Path) -> Trainings:
    return Trainings(Settings(var_dir=tmp_path).trainings_dir)


def shown(
    trainings: Trainings, said: tuple[Sentence, ...] = (), **state: object
) -> tuple[str, str]:
    """The page of a training in a state, and its path; `said` are known with their templates."""
    kept = trainings.create(READ, lambda file: file.write(b"a\n1\n"))

    def change(before: Kept) -> Kept:
        texts = {str(each): each.said() for each in said}
        return replace(before, training=replace(before.training, **state), said=texts)

    trainings.change(kept.id, change)
    client = create_app(Settings(var_dir=trainings.folder.parent)).test_client()
    page = client.get(f"/trainings/{kept.id}", headers=BROWSER)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert client.get(f"/trainings/{kept.id}").json["file"] == "homes.csv"
    return page.text, f"/trainings/{kept.id}"


def test_columns_are_shown_with_what_may_be_changed_in_the_readers_language(trainings: Trainings):
    choices = {"área": ColumnChoice(missing=["-9"])}
    page, _ = shown(
        trainings, (COUNTS,), columns=COLUMNS, choices=choices, target="sold", task=None
    )
    assert "1234,5 a 98.765" in page
    assert 'value="m²"' in page
    assert "7 textos diferentes" in page
    assert '<span lang="pt-BR">numera as linhas</span>' in page
    assert '<span lang="en">one label is rare.</span>' in page  # of a library, say
    assert "<option selected>sold</option>" in page
    assert "4 colunas, 1 delas fora" in page
    assert "<script>alert(1)" not in page
    assert "&#34;missing&#34;: [&#34;-9&#34;]" in page
    assert 'value="homes"' in page


def test_a_step_is_written_in_the_readers_language_with_the_time(trainings: Trainings):
    fold = Sentence("cross-validation, fold {number} of {of}", number=3, of=15)
    trees = Sentence("{what}, {trees:,} of {of:,} {of:tree|trees}", what=fold, trees=1200, of=2000)
    progress = TrainingProgress(step=str(trees), done=2, total=17, seconds=40, remaining=300)
    kept = trainings.create(replace(READ, state="training", name="homes", who=NO_KEY))
    file = trainings.path(kept.id) / PROGRESS
    file.write_bytes(msgspec.json.encode(Step(progress, trees.said())))
    settings = Settings(var_dir=trainings.folder.parent, training_worker=False)
    made = create_app(settings).test_client().get(f"/trainings/{kept.id}", headers=BROWSER).text
    assert "nenhum processo treina" in made
    assert "alguém sem chave" in made
    assert "validação cruzada, fold 3 de 15, 1.200 de 2.000 árvores" in text(made)
    assert "40 s até agora, faltam cerca de 5 min" in text(made)


def test_a_failure_is_explained_by_one_sentence_and_what_to_do(trainings: Trainings):
    page, _ = shown(trainings, state="failed", error="homes.csv is a picture")
    assert page.count("homes.csv is a picture") == 1
    assert "salve-a no seu editor de planilhas" in page
    page, _ = shown(trainings, state="failed", error="too few rows", columns=COLUMNS)
    assert page.count("too few rows") == 1
    assert "Iniciar o treino" in page


def test_the_result_of_a_model_that_is_served_leads_to_it(trainings: Trainings):
    page, path = shown(trainings, state="done", name="wine", version=1)
    assert "está no ar" in page
    assert 'href="/?model=wine"' in page
    assert "ROC AUC" in page
    page, _ = shown(trainings, state="done", name="wine", version=9)
    assert "wine has no version 9" in text(page)
    client = create_app(Settings(var_dir=trainings.folder.parent)).test_client()
    listed = client.get("/train", headers=BROWSER).text
    assert f'href="{path}"' in listed
    assert client.get("/trainings", headers=BROWSER).location == "/train"
    assert client.get("/trainings").json["trainings"][0]["name"] == "wine"


def test_whoever_may_not_train_is_told_which_scope_it_takes(tmp_path: Path):
    keys = written(shop=entry("shop", "predict"), wine=entry("wine", "admin", models=["wine"]))
    client = create_app(Settings(var_dir=tmp_path, api_keys=keys)).test_client()
    for name in ("shop", "wine"):
        page = client.get("/train", headers=BROWSER | bearing(name))
        assert page.status_code == 200
        assert "escopo admin, para todos os modelos" in page.text
        assert 'type="file"' not in page.text


def test_where_nothing_can_train_the_page_shows_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("serving.trainings.worker.why_not", lambda _: Sentence("{why}", why="x"))
    client = create_app(Settings(var_dir=tmp_path, models_dir=MODELS)).test_client()
    page = client.get("/train", headers=BROWSER).text
    assert "adega train worker` onde for possível" in text(page)


@pytest.mark.parametrize(
    ("names", "target"),
    [
        ("a b price", "price"),
        ("Classe a b", "Classe"),
        ("Decisão a valor", "Decisão"),
        ("a b c", "c"),
        ("y b id", "y"),
    ],
)
def test_the_target_is_suggested_by_its_name_or_is_the_last_column(names: str, target: str):
    columns = [TrainingColumn(name=each, type="number") for each in names.split()]
    assert likely_target(columns) == target
    out = TrainingColumn(name="notes", type="text")
    assert likely_target([*columns, out]) == target
