"""What a card shows of the fields: how far each moves predictions, and which way."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from artefacts import made
from conftest import ROOT
from estimators import CASES, fitted, loans
from sklearn.linear_model import LinearRegression
from training import latest, output

from serving.models import artefact
from serving.models.card import Card
from serving.models.engine import Engine
from train.evaluation.effects import DRAWN, POINTS, with_effects
from train.tables.rows import to_rows

random = np.random.default_rng(0)
FRAME = pd.DataFrame(random.normal(size=(1000, 3)), columns=["much", "little", "nothing"])
HOMES = ROOT / "examples/homes.csv"


def drawn(case: str) -> tuple[tuple[str, ...], Card]:
    """The classes of a case, and its card."""
    frame = loans(missing=CASES[case].missing)
    model = made("loan", fitted(CASES[case]), frame, **CASES[case].says)
    rows = to_rows(frame, model.manifest.fields)
    return model.manifest.classes, with_effects(Card(), Engine(model), rows)


def test_a_linear_model_depends_on_each_field_by_its_coefficient():
    model = made("sum", LinearRegression().fit(FRAME.to_numpy(), FRAME @ [3, -1, 0]), FRAME)
    card = with_effects(Card(), Engine(model), FRAME.to_numpy())
    assert [each.field for each in card.contributions] == ["much", "little", "nothing"]
    much, little, nothing = (each.mean for each in card.contributions)
    assert much / 3 == pytest.approx(little, rel=0.2)
    assert much == pytest.approx(3 * np.sqrt(2 / np.pi), rel=0.1)
    assert nothing == pytest.approx(0, abs=1e-9)
    assert card.contribution_unit == "number"
    for each, slope in zip(card.dependence, (3, -1, 0), strict=True):
        assert len(each.values) == POINTS
        assert np.polyfit(each.values, each.means[""], 1)[0] == pytest.approx(slope, abs=1e-4)
        assert sum(each.rows) == len(FRAME)
        assert max(each.rows) > 3 * min(each.rows)  # most are in the middle


@pytest.mark.parametrize(
    ("case", "unit"),
    [
        ("a forest of three classes", "probability"),
        ("text and numbers", "log-odds"),
        ("no probabilities", "probability"),
    ],
)
def test_labels_have_a_curve_each_and_of_two_one(case: str, unit: str):
    classes, card = drawn(case)
    assert card.contribution_unit == unit
    for each in card.dependence:
        assert list(each.means) == ([*classes] if len(classes) > 2 else [classes[-1]])
        if len(classes) > 2:
            assert np.sum([*each.means.values()], axis=0) == pytest.approx(1, abs=1e-5)


def test_a_category_has_its_labels_the_most_frequent_first_and_missing_values_do_not_count():
    _, card = drawn("text and numbers")
    counts = loans(missing=True)["area"].value_counts()
    (area,) = (each for each in card.dependence if each.field == "area")
    assert dict(zip(area.values, area.rows, strict=True)) == counts.to_dict()
    assert area.rows == tuple(sorted(area.rows, reverse=True))


@pytest.mark.slow
@pytest.mark.usefixtures("quick_training")
def test_training_writes_the_effects_into_the_card(tmp_path: Path):
    output(tmp_path, HOMES, "--target", "price", "--name", "homes", "--estimator", "linear")
    model = latest(tmp_path, "homes")
    card = artefact.read_card(tmp_path, model.manifest)
    assert {each.field for each in card.contributions} == {
        field.name for field in model.manifest.fields
    }
    assert 0 < len(card.dependence) <= DRAWN


@pytest.mark.parametrize("name", ["wine", "wine-score", "diabetes"])
def test_the_effects_in_a_committed_card_are_the_models_own(name: str):
    model = artefact.read(ROOT / "models", name, 1)
    card, fields = artefact.read_card(ROOT / "models", model.manifest), model.manifest.fields
    assert {each.field for each in card.contributions} == {field.name for field in fields}
    assert [each.field for each in card.dependence] == [
        each.field for each in card.contributions[:DRAWN]
    ]
    for each in card.dependence:
        assert sum(each.rows) <= model.manifest.data.rows
