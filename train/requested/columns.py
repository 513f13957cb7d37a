"""Reads the columns of a file as they will be taken."""

from pathlib import Path

from serving import COMMAND
from serving.sentence import Sentence
from serving.trainings.files import FILE
from serving.trainings.requests import MAX_COLUMNS
from serving.trainings.training import ColumnChoice, Result, Training
from train.errors import TrainingError
from train.requested.describe import describe, others
from train.requested.words import ForPeople
from train.tables.infer import Taken, decide, take
from train.tables.load import load
from train.tables.options import ColumnOptions
from train.tables.read import Sheet

MAX_NAME = 500  # characters


def read(folder: Path, training: Training, people: ForPeople) -> Result:
    """Read the columns of a file; the error is why it cannot be trained as is chosen, if so."""
    remarks: list[str] = []
    options = options_of(training)
    table = load((folder / FILE,), training.target, options, remarks.append)
    names = table.cells if isinstance(table, Sheet) else table.columns
    _require_few([*names], training.file)
    taken = take(table, options)
    rows = len(table.cells) if isinstance(table, Sheet) else 0
    columns = describe(taken, training.target, options, people)
    remarks += others(taken)
    task, error = None, ""
    if training.target:
        found: list[str] = []
        try:
            task = decide(
                table,
                Taken(taken.columns, []),
                training.target,
                training.task,
                options=options,
                echo=found.append,
            ).task
        except TrainingError as refusal:
            error = people.text(refusal.args[0])
    return Result(
        rows=rows,
        columns=columns,
        remarks=[people.text(remark) for remark in remarks],
        task=task,
        error=error,
        said=people.said,
    )


def _require_few(names: list[str], file: str) -> None:
    """Refuse more, or longer, names of columns than are kept of a training."""
    if len(names) > MAX_COLUMNS:
        raise TrainingError(
            Sentence(
                "{file} has {columns:,} columns, and at most {most:,} are taken here: use "
                "`{command} train`, or leave some out of the file",
                file=file,
                columns=len(names),
                most=MAX_COLUMNS,
                command=COMMAND,
            )
        )
    for number, name in enumerate(names, 1):
        if len(name) > MAX_NAME:
            raise TrainingError(
                Sentence(
                    "{file}: the name of column {number:,} has {length:,} characters, and at most "
                    "{most} are taken here: shorten it in the file",
                    file=file,
                    number=number,
                    length=len(name),
                    most=MAX_NAME,
                )
            )


def options_of(training: Training) -> ColumnOptions:
    """What was chosen for columns, as the options of the command line."""
    given: dict[str, list[str]] = {each: [] for each in ColumnOptions._fields}
    for name, choice in training.choices.items():
        if choice.use is not None and name != training.target:
            given["used" if choice.use else "drop"].append(name)
        if option := _option_of(choice):
            given[option].append(name)
        if choice.unit:
            given["unit"].append(f"{name}={choice.unit}")
        given["missing"] += [f"{name}={text}" for text in choice.missing]
    return ColumnOptions.of(given)


def _option_of(choice: ColumnChoice) -> str:
    return {None: "", "integer": "number", "boolean": "category"}.get(
        choice.type, choice.type or ""
    )
