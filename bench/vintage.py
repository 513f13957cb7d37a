"""Wines before and after a drift: what is measured of them shifts, and so does what people like."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from train.problems import wine
from train.problems.problems import data_of

TRAINED, CALM, DRIFTED = 3_200, 500, 810  # wines trained on, then sent; the others for a trial
SHIFTED, SHIFT = "total sulfur dioxide", 1.5  # standard deviations
SWEET = 5  # g/L of sugar, from where on good wines are bad now and bad ones good
NOISE = 0.02  # standard deviations: a wine that comes again is measured again
NUMBERS = [field.name for field in wine.FIELDS if field.type == "number"]

Wine = tuple[dict[str, Any], str]  # record and actual label


class Vintage:
    """The wines of train/data in random order: some to train on, others to come.

    Nobody has seen what is on trial: neither the live version nor the one that is tried was trained
    on wines of that part.
    """

    def __init__(self, seed: int = 0) -> None:
        self._raw = pd.read_csv(data_of(wine.PROBLEM)).drop_duplicates()
        self._raw = self._raw.sample(frac=1, random_state=seed)
        self._spread = self._raw[NUMBERS].std()
        self._random = np.random.default_rng(seed)

    def write(self, file: Path) -> None:
        """Write the wines to train on, as the problem's file has them."""
        self._raw.iloc[:TRAINED].to_csv(file, index=False)

    def calm(self) -> Iterator[Wine]:
        """Wines such as those trained on, for ever."""
        return self._ever(TRAINED, TRAINED + CALM, drifted=False)

    def drifted(self) -> Iterator[Wine]:
        """Wines after the drift."""
        return self._ever(TRAINED + CALM, TRAINED + CALM + DRIFTED, drifted=True)

    def unseen(self) -> Iterator[Wine]:
        """Other wines after the drift."""
        return self._ever(TRAINED + CALM + DRIFTED, len(self._raw), drifted=True)

    def _ever(self, start: int, end: int, *, drifted: bool) -> Iterator[Wine]:
        wines = self._raw.iloc[start:end]
        is_good = (wines["quality"] >= wine.GOOD) ^ (drifted & (wines["residual sugar"] > SWEET))
        if drifted:
            shifted = wines[SHIFTED] + SHIFT * self._spread[SHIFTED]
            wines = wines.assign(**{SHIFTED: shifted})
        while True:
            noise = self._random.normal(0, NOISE, (len(wines), len(NUMBERS)))
            measured = (wines[NUMBERS] + noise * self._spread.to_numpy()).clip(lower=0).round(5)
            measured["density"] = measured["density"].clip(lower=0.9)
            records = measured.assign(color=wines["color"]).to_dict("records")
            yield from zip(records, np.where(is_good, "bom", "ruim").tolist(), strict=True)
