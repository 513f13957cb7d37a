"""Scalers that were pickled beside a model are joined with it, each on its columns."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, StandardScaler
from training import latest, output, records, refused, served

from serving.models.engine import Engine
from train.onnx import proof

random = np.random.default_rng(4)
RAW = pd.DataFrame(
    {
        "free sulfur": random.gamma(3, 10, 200).round(1),
        "a=b": random.normal(size=200).round(3),
        "x, y": random.normal(5, 2, 200).round(3),
        "pH": random.normal(3, 0.1, 200).round(3),
        "city": random.choice(["rio", "bh", "sp"], 200),
    }
)
NUMBERS = RAW.drop(columns="city")
TRUTH = RAW["pH"] * 3 + RAW["free sulfur"] / 50


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "PROOF_ROWS", 2_000)


def importing(
    folder: Path, model: Any, sample: pd.DataFrame, *scalers: tuple[str, Any]
) -> tuple[str | Path, ...]:
    """The command that imports a model with scalers, each with what is said of its columns."""
    joblib.dump(model, folder / "model.pkl")
    sample.to_csv(folder / "rows.csv", index=False)
    command: list[str | Path] = ["import"]
    for at, (columns, scaler) in enumerate(scalers):
        joblib.dump(scaler, folder / f"scaler={at}.pkl")
        command += ["--scaler", f"{columns}={folder}/scaler={at}.pkl"]
    return *command, folder / "model.pkl", "--sample", folder / "rows.csv", "--name", "m"


def test_scalers_and_encoders_of_single_columns_are_compiled_with_the_model(tmp_path: Path):
    free = StandardScaler().fit(RAW[["free sulfur"]])
    strange = MinMaxScaler().fit(RAW[["a=b"]].to_numpy())
    listed = StandardScaler().fit(RAW[["x, y"]])
    cities = LabelEncoder().fit(RAW["city"])
    scaled = RAW.assign(
        **{
            "free sulfur": free.transform(RAW[["free sulfur"]]).ravel(),
            "a=b": strange.transform(RAW[["a=b"]].to_numpy()).ravel(),
            "x, y": listed.transform(RAW[["x, y"]]).ravel(),
            "city": cities.transform(RAW["city"]),
        }
    )
    model = RandomForestRegressor(20, random_state=0).fit(scaled, TRUTH)
    scalers = (("city", cities), ("free sulfur", free), ("x, y", listed), ("a=b", strange))
    output(tmp_path, *importing(tmp_path, model, RAW, *scalers))
    made = latest(tmp_path, "m")
    assert Engine(made).backend != "pickle"
    assert served(made, *records(RAW)) == pytest.approx(model.predict(scaled).tolist(), rel=1e-12)


@pytest.mark.parametrize("by_name", [True, False])
def test_a_scaler_of_several_columns_takes_them_in_its_own_order(tmp_path: Path, by_name: bool):
    scaler = StandardScaler().fit(NUMBERS[["pH", "free sulfur"]])
    scaled = NUMBERS.copy()
    scaled[["pH", "free sulfur"]] = scaler.transform(NUMBERS[["pH", "free sulfur"]])
    given = scaled if by_name else scaled.to_numpy()
    model = LinearRegression().fit(given, TRUTH)
    command = importing(tmp_path, model, NUMBERS, ("pH, free sulfur", scaler))
    output(tmp_path, *command)
    told = served(latest(tmp_path, "m"), *records(NUMBERS))
    assert told == pytest.approx(model.predict(given).tolist(), rel=1e-9)


ONE = StandardScaler().fit(NUMBERS[["pH"]])
TWO = StandardScaler().fit(NUMBERS[["pH", "free sulfur"]])


@pytest.mark.parametrize(
    ("scalers", "message"),
    [
        ([("nope", ONE)], "the sample has no column 'nope'"),
        ([("pH", TWO)], "was fitted on 2 columns, not 1"),
        ([("free sulfur", ONE)], "was fitted on pH, not free sulfur"),
        ([("pH", ONE), ("pH,free sulfur", TWO)], "'pH' has more than one scaler"),
        ([("pH", LinearRegression().fit([[1], [2]], [1, 2]))], "which cannot transform a column"),
    ],
)
def test_what_cannot_be_joined_is_named(tmp_path: Path, scalers: list[Any], message: str):
    model = LinearRegression().fit(NUMBERS, TRUTH)
    assert message in refused(tmp_path, *importing(tmp_path, model, NUMBERS, *scalers))
    assert not (tmp_path / "m").exists()


def test_a_model_and_scalers_in_one_pickle_are_told_how_to_part(tmp_path: Path):
    model = LinearRegression().fit(NUMBERS, TRUTH)
    for together in ({"model": model, "scaler": ONE}, (model, ONE), [model, ONE]):
        message = refused(tmp_path, *importing(tmp_path, together, NUMBERS))
        assert "of LinearRegression, StandardScaler, not an estimator" in message
        assert '--scaler "COLUMN"=scaler.pkl' in message
