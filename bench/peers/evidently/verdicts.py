"""Say which columns of each window have drifted, as Evidently does without any settings.

`python verdicts.py FOLDER` compares reference.csv with each NUMBER.csv and prints a JSON array.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset


def drifted(window: pd.DataFrame, reference: pd.DataFrame) -> list[str]:
    """The columns whose distance is at least Evidently's threshold for it."""
    numbers = list(reference.select_dtypes("number"))
    others = [column for column in reference if column not in numbers]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=others)
    now, then = (
        Dataset.from_pandas(frame, data_definition=definition) for frame in (window, reference)
    )
    found = Report([DataDriftPreset()]).run(now, then).dict()["metrics"]
    columns = [each for each in found if "column" in each["config"]]
    assert all("distance" in each["config"]["method"] for each in columns)
    return [
        each["config"]["column"] for each in columns if each["value"] >= each["config"]["threshold"]
    ]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    before = pd.read_csv(folder / "reference.csv")
    windows = sorted(folder.glob("[0-9]*.csv"), key=lambda path: int(path.stem))
    print(json.dumps([drifted(pd.read_csv(window), before) for window in windows]))
