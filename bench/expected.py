"""The wines that are posted, and scikit-learn's predictions; run as a process of its own.

The bench itself imports neither NumPy nor the service: memory is measured as PSS, which divides a
mapped library among all that map it, so a bench holding them would make the service look smaller.
"""

import json
import sys

import joblib
import numpy as np
import pandas as pd

from bench.workload import BATCH, MODEL, ROOT, Workload

SEED = 0


def main() -> None:
    """Print the workload as JSON."""
    from app import app  # noqa: PLC0415 - starts the service

    fields = json.loads((MODEL / "model.json").read_text())["fields"]
    names = [field["name"] for field in fields]
    codes = {
        field["name"]: {label: code for code, label in enumerate(field["categories"])}
        for field in fields
        if field.get("categories")
    }
    wines = pd.read_csv(ROOT / "train" / "data" / "winequality.csv")[names]
    batch = json.loads(wines.sample(BATCH, random_state=SEED).to_json(orient="records"))
    records = [json.loads((ROOT / "bom.json").read_text()), *batch]
    rows = [
        [float(codes[name][record[name]] if name in codes else record[name]) for name in names]
        for record in records
    ]
    estimator = joblib.load(MODEL / "model.pkl")
    probabilities = estimator.predict_proba(np.array(rows)).tolist()
    answer = app.test_client().post("/predict", json=records[0])
    workload = Workload(
        names, list(estimator.classes_), records, rows, probabilities, answer.get_data(as_text=True)
    )
    json.dump(vars(workload), sys.stdout)


if __name__ == "__main__":
    main()
