"""From any CSV to a served model, in one command."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from training import latest, output, refused, run, served

from serving.models import artefact, model_folder
from serving.models.engine import Engine
from train.fitting.estimators import BUILDERS, PACKAGES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_training")]


def homes(rows: int = 120) -> pd.DataFrame:
    """A made-up table of homes with everything that a table may have."""
    random = np.random.default_rng(0)
    size = random.integers(30, 200, rows)
    area = random.choice(["centre", "north", "south"], rows)
    price = size * 3000 + (area == "centre") * 90_000 + random.normal(0, 9000, rows)
    frame = pd.DataFrame(
        {
            "id": [f"H{row:04}" for row in range(rows)],
            "size m²": size,
            "area": area,
            "lift": random.choice([True, False], rows),
            "age": random.gamma(2, 9, rows).round(1),
            "price": price.round(2),
        }
    )
    return frame.mask(random.random(frame.shape) < [0, 0, 0.1, 0, 0.1, 0])


def test_homes_are_served_right_after_one_command(tmp_path: Path):
    file = tmp_path / "homes.csv"
    homes().to_csv(file, index=False)
    said = output(tmp_path, file, "--target", "price", "--name", "homes")
    assert "regression: 'price' has 120 different numbers" in said
    assert "left out: 'id', because it is an identifier" in said
    assert "it is live" in said
    assert "chosen: linear, the simplest within one standard error of the best" in said
    trained = latest(tmp_path, "homes")
    manifest = trained.manifest
    fields = {field.name: field for field in manifest.fields}
    assert list(fields) == ["size m²", "area", "lift", "age"]
    assert fields["area"].categories == ("centre", "north", "south")
    assert fields["lift"].categories == ("False", "True")
    assert [name for name in fields if fields[name].optional] == ["area", "age"]
    assert fields["size m²"].type == "integer"
    assert fields["size m²"].seen == (homes()["size m²"].min(), homes()["size m²"].max())
    assert trained.reference.fields["age"].missing == pytest.approx(
        homes()["age"].isna().mean(), abs=1e-6
    )
    assert manifest.metrics["r2"].mean > 0.7 > manifest.metrics["r2"].baseline
    small, large = ({"size m²": size, "area": None, "lift": True} for size in (40, 190))
    assert "the held-out rows had no part in the choice" in manifest.evaluation
    choice = artefact.read_card(tmp_path, manifest).choice
    assert choice.chosen == "linear"
    assert {each.name for each in choice.candidates} > {"linear", "random-forest"}
    assert sum(each.folds for each in choice.candidates) == choice.folds == 2
    low, high = served(trained, small, large)
    assert 60_000 < low < 250_000
    assert 450_000 < high < 700_000


def test_the_next_version_waits_for_whoever_puts_it_live(tmp_path: Path):
    file = tmp_path / "homes.csv"
    homes().to_csv(file, index=False)
    command = (file, "--target", "price", "--name", "homes", "--estimator", "decision-tree")
    output(tmp_path, *command)
    assert "adega promote homes 2" in output(tmp_path, *command)
    assert model_folder.live_version(tmp_path / "homes") == 1
    once, again = (artefact.read(tmp_path, "homes", version) for version in (1, 2))
    assert once.contents == again.contents
    assert once.manifest.metrics == again.manifest.metrics


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        *((estimator, "price") for estimator in BUILDERS if estimator != "random-forest"),
        *((estimator, "area") for estimator in ("decision-tree", "linear", *PACKAGES)),
    ],
)
def test_every_estimator_learns_from_numbers_labels_and_gaps(
    tmp_path: Path, estimator: str, target: str
):
    file = tmp_path / "homes.csv"
    homes(60).to_csv(file, index=False)
    output(tmp_path, file, "--target", target, "--name", "homes", "--estimator", estimator)
    trained = latest(tmp_path, "homes")
    assert (Engine(trained).backend == "pickle") == (estimator in PACKAGES)
    (predicted,) = served(trained, trained.manifest.example)
    assert predicted in trained.manifest.classes if target == "area" else predicted > 0


@pytest.mark.parametrize("package", PACKAGES)
def test_an_estimator_that_is_not_installed_is_named(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("train.fitting.estimators.find_spec", lambda _: None)
    file = tmp_path / "homes.csv"
    homes(60).to_csv(file, index=False)
    command = (file, "--target", "price", "--name", "homes", "--estimator", package)
    assert f"{package} is not installed" in refused(tmp_path, *command)


def test_iris(tmp_path: Path):
    iris = load_iris(as_frame=True)
    species = iris.target.map(dict(enumerate(iris.target_names)))
    iris.data.assign(species=species).to_csv(tmp_path / "iris.csv", index=False)
    linear = ("--estimator", "linear")
    output(tmp_path, tmp_path / "iris.csv", "--target", "species", "--name", "iris", *linear)
    trained = latest(tmp_path, "iris")
    assert trained.manifest.classes == ("setosa", "versicolor", "virginica")
    assert trained.manifest.metrics["accuracy"].mean > 0.92
    assert trained.manifest.metrics["roc_auc"].mean > 0.98
    assert trained.manifest.metrics["accuracy"].baseline < 0.4
    assert set(trained.reference.probabilities) == set(trained.manifest.classes)
    assert Engine(trained).backend != "pickle"
    calibration = artefact.read_card(tmp_path, trained.manifest).calibration
    assert calibration.rows == 150
    assert 0 < calibration.by_chance < 0.1
    assert sum(rows for _, _, rows in calibration.curve) == 150


@pytest.mark.parametrize(
    ("file", "target", "metric", "least"),
    [
        ("california-housing.csv", "MedHouseVal", "r2", 0.55),
        ("bank-data.csv", "pep", "roc_auc", 0.85),
    ],
)
def test_public_data(tmp_path: Path, file: str, target: str, metric: str, least: float):
    if "DATA_DIR" not in os.environ:
        pytest.skip("DATA_DIR, a folder with public data, is not set")
    data = pd.read_csv(Path(os.environ["DATA_DIR"]) / file)
    data.sample(min(len(data), 1_000), random_state=0).to_csv(tmp_path / file, index=False)
    output(tmp_path, tmp_path / file, "--target", target, "--name", "public")
    manifest = latest(tmp_path, "public").manifest
    assert least < manifest.metrics[metric].mean < 0.95
    assert manifest.metrics[metric].spread < 0.1
    if manifest.interval:
        assert manifest.interval.observed == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "data.csv is not a table: the text is empty"),
        ("a,y\n", "has no rows"),
        ("a,z\n" + "1,2\n" * 30, "no column is called 'y'"),
        ("a,y\n" + "1,yes\n" * 30, "all rows are 'yes'"),
        ("y\n" + "yes\nno\n" * 30, "there is none beside 'y'"),
    ],
)
def test_a_csv_that_cannot_be_used_gets_one_sentence(tmp_path: Path, content: str, message: str):
    (tmp_path / "data.csv").write_text(content)
    command = (tmp_path / "data.csv", "--target", "y", "--name", "data")
    assert message in refused(tmp_path, *command)
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    command = ("nowhere.csv", "--target", "y", "--name", "data")
    assert refused(tmp_path, *command) == "nowhere.csv cannot be read: No such file or directory"


@pytest.mark.parametrize("command", ["import", "csv"])
@pytest.mark.parametrize(
    "name", ["a/b", "..", "", "a b", "e\u0301", "a\0", "a.", "a" * 300, "NUL.1"]
)
def test_a_name_is_part_of_a_path_and_no_more(tmp_path: Path, command: str, name: str):
    result = run(tmp_path, command, "data.csv", "--target", "y", "--name", name)
    assert result.exit_code == 2
    fault = "must start with a letter or digit" if name != "NUL.1" else "a device on Windows"
    assert fault in result.output


@pytest.mark.parametrize("command", ["{} --target y", "csv {} --target y", "wine --data {}"])
def test_a_file_whose_name_is_too_long_gets_one_sentence(tmp_path: Path, command: str):
    sentence = refused(tmp_path, *command.format("a" * 300).split())
    assert sentence == f"{'a' * 59}… cannot be used: File name too long"
