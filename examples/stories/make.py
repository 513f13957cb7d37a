"""Make the invented files of this folder again: `.venv/bin/python examples/stories/make.py`.

Each has the columns, separators, decimal marks and traps of a known file that may not come along,
or is too large to, and none of its rows. They are drawn at random, so what a model finds in them
holds nowhere else. The stories in `docs/stories/` say where the real files are.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FOLDER = Path(__file__).parent

# Latitude, longitude, and an invented price of a square metre.
DISTRICTS = {
    "Moema": (-23.60, -46.66, 9_800),
    "Pinheiros": (-23.56, -46.69, 10_400),
    "Mooca": (-23.56, -46.60, 7_200),
    "Tatuapé": (-23.54, -46.57, 7_400),
    "Vila Mariana": (-23.59, -46.63, 9_000),
    "Campo Limpo": (-23.64, -46.76, 4_600),
}


def sao_paulo_properties(rows: int = 600) -> pd.DataFrame:
    """Homes in São Paulo for sale and to let, some in one building, some without a place."""
    draw = np.random.default_rng(23)
    building = draw.integers(0, rows // 2, rows)
    names = np.array([*DISTRICTS])[draw.integers(0, len(DISTRICTS), rows // 2)][building]
    north, east, square_metre = (
        np.array([DISTRICTS[name][at] for name in names]) for at in range(3)
    )
    quality = draw.normal(0, 0.12, rows // 2)[building]
    place = draw.normal(0, 0.01, (rows // 2, 2))[building].round(6)
    north, east = north + place[:, 0], east + place[:, 1]
    size = draw.lognormal(4.25, 0.4, rows).round().clip(25, 300)
    rooms = (size / 35).round().clip(1, 5)
    suites = (rooms - draw.integers(0, 3, rows)).clip(0)
    parking = (size / 60).round().clip(0, 4)
    extras = {
        name: (draw.random(rows) < share).astype(int)
        for name, share in {
            "Elevator": 0.5,
            "Furnished": 0.15,
            "Swimming Pool": 0.5,
            "New": 0.02,
        }.items()
    }
    sale = draw.random(rows) < 0.8
    worth = size * square_metre * np.exp(quality + 0.06 * parking + 0.05 * extras["Swimming Pool"])
    worth *= draw.lognormal(0, 0.08, rows)
    nowhere, swapped = draw.random(rows) < 0.04, draw.random(rows) < 0.005
    north, east = np.where(swapped, east, north), np.where(swapped, north, east)
    return pd.DataFrame(
        {
            "Price": np.where(sale, (worth / 1_000).round() * 1_000, (worth / 2_500).round() * 10),
            "Condo": (size * draw.uniform(5, 9, rows)).round(),
            "Size": size,
            "Rooms": rooms,
            "Toilets": suites + 1,
            "Suites": suites,
            "Parking": parking,
            **extras,
            "District": [f"{name}/São Paulo" for name in names],
            "Negotiation Type": np.where(sale, "sale", "rent"),
            "Property Type": "apartment",
            "Latitude": np.where(nowhere, 0, north),
            "Longitude": np.where(nowhere, 0, east),
        }
    ).astype(
        dict.fromkeys(["Price", "Condo", "Size", "Rooms", "Toilets", "Suites", "Parking"], int)
    )


def loan(rows: int = 600) -> pd.DataFrame:
    """Applications for home loans, decided by credit history, income and the amount."""
    draw = np.random.default_rng(29)
    income = draw.lognormal(8.4, 0.5, rows).round()
    second = np.where(draw.random(rows) < 0.45, 0, draw.lognormal(7.6, 0.5, rows).round())
    amount = (0.026 * (income + second) * draw.lognormal(0, 0.35, rows)).round()
    history = np.where(draw.random(rows) < 0.83, 1.0, 0.0)
    area = draw.choice(["Rural", "Semiurban", "Urban"], rows, p=[0.29, 0.38, 0.33])
    points = 4.2 * history + 0.5 * (area == "Semiurban") - 60 * amount / (income + second)
    return pd.DataFrame(
        {
            "Loan_ID": [f"LP{number:06}" for number in range(1, rows + 1)],
            "Gender": _some(draw, draw.choice(["Male", "Female"], rows, p=[0.8, 0.2]), 0.02),
            "Married": _some(draw, draw.choice(["Yes", "No"], rows, p=[0.65, 0.35]), 0.005),
            "Dependents": _some(draw, draw.choice(["0", "1", "2", "3+"], rows), 0.02),
            "Education": draw.choice(["Graduate", "Not Graduate"], rows, p=[0.78, 0.22]),
            "Self_Employed": _some(draw, draw.choice(["No", "Yes"], rows, p=[0.86, 0.14]), 0.05),
            "ApplicantIncome": income.astype(int),
            "CoapplicantIncome": second.astype(int),
            "LoanAmount": _some(draw, amount.astype(int), 0.03),
            "Loan_Amount_Term": _some(draw, draw.choice([180, 360], rows, p=[0.1, 0.9]), 0.02),
            "Credit_History": _some(draw, history.astype(int), 0.08),
            "Property_Area": area,
            "Loan_Status": np.where(points + draw.logistic(0, 0.5, rows) > 1.4, "Y", "N"),
        }
    )


def _some(draw: np.random.Generator, values: NDArray[np.generic], missing: float) -> pd.Series:
    """The values, some of which are missing."""
    return pd.Series(values, dtype=object).mask(draw.random(len(values)) < missing)


def california_housing(rows: int = 700) -> pd.DataFrame:
    """Blocks around two cities of no map; prices above 5 are written as 5.00001."""
    draw = np.random.default_rng(31)
    south = draw.random(rows) < 0.6
    north = np.where(south, 34.05, 37.75) + draw.normal(0, 0.5, rows)
    east = np.where(south, -118.25, -122.2) + draw.normal(0, 0.6, rows)
    away = np.hypot(north - np.where(south, 34.05, 37.75), east - np.where(south, -118.25, -122.2))
    income = draw.lognormal(1.25, 0.45, rows).clip(0.5, 15)
    per_home = draw.lognormal(1.05, 0.25, rows)
    price = (0.3 * income + 3 * np.exp(-3 * away)) * (3 / per_home) ** 0.5
    price *= draw.lognormal(0, 0.12, rows)
    return pd.DataFrame(
        {
            "MedInc": income.round(4),
            "HouseAge": draw.integers(1, 53, rows).astype(float),
            "AveRooms": (2.6 + 0.7 * income * draw.lognormal(0, 0.15, rows)).round(4),
            "AveBedrms": draw.lognormal(0.06, 0.08, rows).round(4),
            "Population": draw.lognormal(7, 0.6, rows).clip(100, 6_000).round(),
            "AveOccup": per_home.round(4),
            "Latitude": north.round(2),
            "Longitude": east.round(2),
            "MedHouseVal": np.where(price > 5, 5.00001, price.round(3)),
        }
    )


def bank(rows: int = 600) -> pd.DataFrame:
    """Calls of a bank that sells deposits. How long one took is known when it is over."""
    draw = np.random.default_rng(37)
    jobs = ["admin.", "blue-collar", "management", "retired", "services", "student", "technician"]
    job = draw.choice(jobs, rows)
    housing = draw.random(rows) < 0.55
    before = draw.choice(["unknown", "failure", "success"], rows, p=[0.8, 0.12, 0.08])
    balance = (draw.lognormal(6.6, 1.1, rows) - 300).round()
    age = np.where(job == "retired", draw.integers(58, 85, rows), draw.integers(19, 60, rows))
    points = 2.6 * (before == "success") + 0.9 * np.isin(job, ["retired", "student"])
    points += 0.00025 * balance.clip(0, 5_000) - 0.9 * housing - 1.5 + draw.logistic(0, 0.7, rows)
    yes = points > 0
    duration = draw.lognormal(np.where(yes, 6.2, 5.1), 0.6, rows).round()
    months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    return pd.DataFrame(
        {
            "age": age,
            "job": job,
            "marital": draw.choice(["married", "single", "divorced"], rows, p=[0.6, 0.28, 0.12]),
            "education": draw.choice(["primary", "secondary", "tertiary", "unknown"], rows),
            "default": draw.choice(["no", "yes"], rows, p=[0.98, 0.02]),
            "balance": balance.astype(int),
            "housing": np.where(housing, "yes", "no"),
            "loan": draw.choice(["no", "yes"], rows, p=[0.84, 0.16]),
            "contact": draw.choice(
                ["cellular", "telephone", "unknown"], rows, p=[0.65, 0.06, 0.29]
            ),
            "day": draw.integers(1, 32, rows),
            "month": draw.choice(months, rows),
            "duration": duration.astype(int),
            "campaign": draw.geometric(0.4, rows),
            "pdays": np.where(before == "unknown", -1, draw.integers(60, 400, rows)),
            "previous": np.where(before == "unknown", 0, draw.integers(1, 5, rows)),
            "poutcome": before,
            "y": np.where(yes, "yes", "no"),
        }
    )


def air_quality(step: int = 13) -> pd.DataFrame:
    """A year at a road in Italy, each 13th hour; -200 is what was not measured."""
    draw = np.random.default_rng(41)
    times = pd.date_range("2004-03-10 18:00", "2005-04-04 14:00", freq=f"{step}h")
    rows, hour = len(times), times.hour.to_numpy()
    season = np.cos(2 * np.pi * (times.day_of_year.to_numpy() - 15) / 365)  # 1 in January
    rush = np.exp(-((hour - 8) ** 2) / 6) + np.exp(-((hour - 19) ** 2) / 8)
    co = (0.5 + 2.2 * rush + 0.3 * season) * draw.lognormal(0, 0.3, rows)
    warmth = 18 - 9 * season + 4 * np.sin((hour - 9) * np.pi / 12) + draw.normal(0, 2, rows)
    damp = (52 + 8 * season - 0.8 * (warmth - 18) + draw.normal(0, 10, rows)).clip(10, 90)

    def sensor(base: float, slope: float, noise: float) -> NDArray[np.float64]:
        return np.asarray(base + slope * co + draw.normal(0, noise, rows)).clip(2).round()

    benzene = (4.3 * co * draw.lognormal(0, 0.1, rows)).round(1)
    columns = {
        "CO(GT)": _or_200(draw, co.round(1), 0.15),
        "PT08.S1(CO)": sensor(780, 150, 60),
        "NMHC(GT)": _or_200(draw, sensor(20, 90, 30), 0.9),
        "C6H6(GT)": benzene,
        "PT08.S2(NMHC)": (480 + 42 * benzene).round(),
        "NOx(GT)": _or_200(draw, (sensor(40, 90, 30) * (1 + 0.5 * season)).round(), 0.15),
        "PT08.S3(NOx)": sensor(1_150, -140, 80).clip(300),
        "NO2(GT)": _or_200(draw, sensor(50, 25, 15), 0.15),
        "PT08.S4(NO2)": (sensor(1_150, 120, 80) - 250 * season).round(),
        "PT08.S5(O3)": sensor(500, 240, 100),
        "T": warmth.round(1),
        "RH": damp.round(1),
        "AH": (0.0021 * damp * np.exp(0.058 * warmth) / 0.3).round(4),
    }
    broken = draw.random(rows) < 0.03  # the instrument, with all its sensors
    sensors = [name for name in columns if "GT" not in name or name.startswith("C6H6")]
    measured = pd.DataFrame(columns)
    measured.loc[broken, sensors] = -200
    frame = pd.DataFrame({"Date": times.strftime("%d/%m/%Y"), "Time": times.strftime("%H.00.00")})
    return frame.join(measured.map(_with_comma)).assign(**{"": "", " ": ""})


def _or_200(
    draw: np.random.Generator, values: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    return np.where(draw.random(len(values)) < share, -200, values)


def _with_comma(value: float) -> str:
    return f"{value:.15g}".replace(".", ",")


FILES = {
    "sao-paulo-properties.csv": lambda: sao_paulo_properties().to_csv(index=False),
    "loan.csv": lambda: loan().to_csv(index=False),
    "california-housing.csv": lambda: california_housing().to_csv(index=False),
    # Text in quotes, as UCI's file has it.
    "bank.csv": lambda: bank().to_csv(index=False, sep=";", quoting=2),
    "AirQualityUCI.csv": lambda: (
        air_quality().rename(columns=str.strip).to_csv(index=False, sep=";")
    ),
}

if __name__ == "__main__":
    for name, made in FILES.items():
        (FOLDER / name).write_text(made(), encoding="utf-8", newline="\n")
