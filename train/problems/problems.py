"""The list of the problems, and where the data of each are."""

import os
from importlib import import_module
from pathlib import Path

from serving import COMMAND
from serving.sentence import Sentence
from serving.trainings.training import PROBLEMS as NAMES
from train.errors import TrainingError
from train.problem import Problem
from train.tables import files

PROBLEMS: list[Problem] = [
    import_module(f"{__package__}.{name.replace('-', '_')}").PROBLEM for name in NAMES
]

COMMITTED = Path(__file__).parent.parent / "data"


def data_of(problem: Problem, given: Path | None = None, *, sha256: str = "") -> Path:
    """The file of a problem's data: the one given, else the one in train/data or in DATA_DIR.

    Parameters
    ----------
    sha256 : str
        That of the file to prefer, where both folders have one.

    Raises
    ------
    TrainingError
        If there is none, with where to get it.
    """
    if given:
        if not given.is_file():
            raise TrainingError(Sentence("there is no file {file}", file=given))
        return given
    folders = [COMMITTED, *map(Path, filter(None, [os.environ.get("DATA_DIR")]))]
    found = [folder / problem.file for folder in folders if (folder / problem.file).is_file()]
    if found:
        return next((file for file in found if sha256 and files.sha256(file) == sha256), found[0])
    raise TrainingError(
        Sentence(
            "{file} is not included, because its licence is not clear; get {where}, then {command} "
            "train {problem} --data FILE, or put it in the folder DATA_DIR names",
            file=problem.file,
            where=problem.obtain,
            command=COMMAND,
            problem=problem.name,
        )
    )
