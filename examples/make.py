"""Make the sample files of this folder again: `.venv/bin/python examples/make.py`.

The homes and the loans are invented. The wines are rows of `train/data/winequality.csv`, without
their score.
"""

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent
WINES = FOLDER.parent / "train/data/winequality.csv"


def homes(rows: int = 300) -> pd.DataFrame:
    """Homes in three districts of no city, with prices that follow from what they are."""
    draw = np.random.default_rng(7)
    area = draw.integers(35, 180, rows)
    built = draw.integers(1960, 2024, rows)
    garage = draw.random(rows) < 0.6
    district = draw.choice(["centre", "harbour", "hills"], rows, p=[0.5, 0.3, 0.2])
    square_metre = pd.Series(district).map({"centre": 4_500, "harbour": 5_200, "hills": 3_800})
    price = area * square_metre + 900 * (built - 1960) + 25_000 * garage
    price *= draw.lognormal(0, 0.08, rows)
    return pd.DataFrame(
        {
            "area": area,
            "bedrooms": np.clip(area // 35 + draw.integers(0, 2, rows), 1, 5),
            "district": district,
            "built": built,
            "garage": np.where(garage, "yes", "no"),
            "price": (price / 1_000).round().astype(int) * 1_000,
        }
    )


def loans(rows: int = 400) -> pd.DataFrame:
    """Applications for loans at no bank, approved by income, debts and history."""
    draw = np.random.default_rng(11)
    income = (draw.lognormal(8.4, 0.5, rows) / 50).round() * 50
    amount = (income * draw.uniform(1, 14, rows) / 500).round() * 500
    months = draw.choice([12, 24, 36, 48], rows)
    history = draw.choice(["em dia", "atrasos", "sem histórico"], rows, p=[0.6, 0.2, 0.2])
    points = pd.Series(history).map({"em dia": 1.2, "atrasos": -1.8, "sem histórico": -0.2})
    points += 2 - 5 * amount / months / income + draw.normal(0, 0.5, rows)
    return pd.DataFrame(
        {
            "renda": [_reais(each) for each in income],
            "valor": [_reais(each) for each in amount],
            "prazo": [f"{each} meses" for each in months],
            "histórico": history,
            "decisão": np.where(points > 0, "Aprovado", "Não aprovado"),
        }
    )


def _reais(amount: float) -> str:
    return f"R$ {amount:,.2f}".translate(str.maketrans(",.", ".,"))


def wines(rows: int = 12) -> pd.DataFrame:
    """Wines as a client would send them."""
    return pd.read_csv(WINES).drop(columns="quality").sample(rows, random_state=7)


FILES = {
    "homes.csv": lambda: homes().to_csv(index=False, lineterminator="\n"),
    "loans.csv": lambda: loans().to_csv(index=False, sep=";", lineterminator="\n"),
    "wines.csv": lambda: wines().to_csv(index=False, lineterminator="\n"),
}

if __name__ == "__main__":
    for name, made in FILES.items():
        (FOLDER / name).write_text(made(), encoding="utf-8", newline="\n")
