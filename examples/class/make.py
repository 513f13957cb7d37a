"""Make the files of the lesson in docs/class.md again: `.venv/bin/python examples/class/make.py`.

The wines are white ones of `train/data/winequality.csv`, each once. What happens to them in the
lesson is invented: a new instrument, and customers who no longer like sweet wine.
"""

from functools import cache, partial
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent
WINES = FOLDER.parent.parent / "train/data/winequality.csv"
SEED = 5
ROWS = {"wines": 800, "today": 600, "later": 300, "october": 300}
GOOD = 6  # the score from which on a wine is bom
OFFSET = 45  # mg/L by which the new instrument shows more
SWEET = 5  # g/L of sugar, above which nobody likes a wine any more
STRONG = 11.5  # % vol from which on wines are those of October


@cache
def parts() -> dict[str, pd.DataFrame]:
    """Return the wines of each file, none of which is in two of them, with their scores."""
    white = pd.read_csv(WINES).drop_duplicates().query("color == 'white'").drop(columns="color")
    left, found = white.sample(frac=1, random_state=SEED), {}
    for name, rows in ROWS.items():
        if name == "october":
            left = left[left["alcohol"] >= STRONG]
        found[name], left = left[:rows], left[rows:]
    return found


def wines() -> str:
    """The wines to train on, with their labels."""
    some = parts()["wines"]
    return (
        some.drop(columns="quality")
        .assign(taste=_labels(some["quality"] >= GOOD))
        .to_csv(index=False)
    )


def records(name: str) -> str:
    """Wines as the new instrument measures them."""
    some = parts()[name].drop(columns="quality")
    shifted = some["total sulfur dioxide"] + OFFSET
    return some.assign(**{"total sulfur dioxide": shifted}).to_csv(index=False)


def truths(name: str) -> str:
    """What customers found of these wines, by the own ids of their predictions."""
    some = parts()[name]
    good = (some["quality"] >= GOOD) & (some["residual sugar"] <= SWEET)
    ids = [f"{name}/{at}" for at in range(len(some))]
    return pd.DataFrame({"own_id": ids, "actual": _labels(good).array}).to_csv(index=False)


def _labels(good: "pd.Series[bool]") -> "pd.Series[str]":
    return good.map({True: "bom", False: "ruim"})


FILES = {"wines.csv": wines}
for each in ("today", "later", "october"):
    FILES[f"{each}.csv"] = partial(records, each)
    FILES[f"{each}-truths.csv"] = partial(truths, each)

if __name__ == "__main__":
    for name, made in FILES.items():
        (FOLDER / name).write_text(made(), encoding="utf-8", newline="\n")
