"""What is imported: the file of a model, alone or in a folder of MLflow, and its sample."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from serving.inputs.field import Field
from train.errors import TrainingError
from train.importing import boosters, mlflow_folder, onnx_file, pickles
from train.importing.mlflow_folder import Folder
from train.tables import table


class Source(NamedTuple):
    """A model's file and its sample: a CSV, or the input example of the folder."""

    model: Path
    sample: Path
    folder: Folder | None = None

    def rows(self) -> pd.DataFrame:
        """Read the sample, with the types of the signature if there is one."""
        if self.folder is None:
            return table.read(self.sample)
        is_example = self.sample == self.folder.example
        read = mlflow_folder.read_example if is_example else table.read
        return self.folder.typed(read(self.sample))

    def signed(self, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        """The fields with what the signature knows of them, if there is one."""
        return self.folder.signed(fields) if self.folder else fields

    def load(self, trusted: Collection[str], width: int) -> Any:
        """Load the estimator; of a pickle or .skops file, only types that are trusted.

        Parameters
        ----------
        width : int
            How many columns the sample has besides the target.

        Raises
        ------
        TrainingError
        """
        if not self.model.is_file():
            raise TrainingError(f"there is no file {self.model}")
        if self.model.suffix.lower() == ".onnx":
            return onnx_file.load(self.model, width)
        with self.model.open("rb") as file:
            start = file.read(len(boosters.LIGHTGBM))
        if start.startswith((boosters.LIGHTGBM, boosters.XGBOOST)):
            return boosters.load(self.model)
        return pickles.load(self.model, trusted)


def find(path: Path, sample: Path | None) -> Source:
    """Find the model and the sample of a path.

    Raises
    ------
    TrainingError
        If there is no sample, or the path is a folder that is not one of MLflow.
    """
    folder = mlflow_folder.read(path) if path.is_dir() else None
    rows = sample or (folder and folder.example)
    if rows is None:
        raise TrainingError(f"{path} has no input example: give rows in a CSV with --sample")
    return Source(folder.model if folder else path, rows, folder)
