"""The problems of the field, each one file, and where their data are."""

import os
from pathlib import Path

from serving import COMMAND
from train.errors import TrainingError
from train.problem import Problem, sha256
from train.problems import credit, diabetes, imoveis, loan, wine, wine_score

PROBLEMS = [
    wine.PROBLEM,
    wine_score.PROBLEM,
    diabetes.PROBLEM,
    loan.PROBLEM,
    imoveis.PROBLEM,
    credit.PROBLEM,
]

COMMITTED = Path(__file__).parent.parent / "data"


def data_of(problem: Problem, given: Path | None = None, *, like: str = "") -> Path:
    """The file of a problem's data: the one given, else the one in train/data or in DATA_DIR.

    Parameters
    ----------
    like : str
        The sha256 of the file to be preferred, where both folders have one.

    Raises
    ------
    TrainingError
        If there is none; says where to get it.
    """
    if given:
        if not given.is_file():
            raise TrainingError(f"there is no file {given}")
        return given
    folders = [COMMITTED, *map(Path, filter(None, [os.environ.get("DATA_DIR")]))]
    found = [folder / problem.file for folder in folders if (folder / problem.file).is_file()]
    if found:
        return next((file for file in found if like and sha256(file) == like), found[0])
    raise TrainingError(
        f"{problem.file} is not here, for its licence is not clear; get {problem.obtain}, then "
        f"{COMMAND} train {problem.name} --data FILE, or put it in the folder DATA_DIR names"
    )
