"""Reads the columns of a training, or trains it; its worker starts this process, and stops it."""

import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path

import click

from serving.errors import EmptyStore, ServingError
from serving.models.refusals import reason
from serving.sentence import Sentence
from serving.settings import Settings
from serving.trainings.files import FILE, RESULT, replace
from serving.trainings.training import Result, Training
from serving.trainings.trainings import Trainings
from train.errors import TrainingError
from train.memory.available import limit
from train.requested.columns import read
from train.requested.progress import leave_reading
from train.requested.words import ForPeople
from train.tables.progress import reported

NICENESS = 10  # predictions come first
MEGABYTE = 1_000_000


def main(training_id: str) -> None:
    """Carry out a training, and leave its result."""
    threading.Thread(target=_end_with_worker, daemon=True).start()
    os.nice(NICENESS)
    with suppress(OSError):  # where memory ends, this is killed first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    # By itself, as another setting that is wrong by now is what the training fails of.
    trainings = Trainings(Settings(var_dir=Path(os.environ["VAR_DIR"])).trainings_dir)
    folder, training = trainings.path(training_id), trainings.get(training_id).training
    people = ForPeople(folder / FILE, training.file)
    try:
        limit.set(Settings.from_environment().training_max_mb * MEGABYTE)
        result = _carried_out(folder, training, people)
    except (TrainingError, ServingError, MemoryError, OSError) as error:
        result = Result(error=people.text(_why(error)), said=people.said)
    except Exception as error:  # noqa: BLE001 - libraries raise anything
        traceback.print_exc()
        result = Result.failed(
            Sentence("the training failed: {why}; its log has more", why=reason(error))
        )
    if result.error:
        click.echo(result.error)
    replace(folder / RESULT, result)


def _why(error: TrainingError | ServingError | MemoryError | OSError) -> str:
    match error:
        case TrainingError(args=(str(message),)):
            return message
        case EmptyStore():
            return Sentence("nothing is recorded yet, so there is no feedback to train with")
        case ServingError():
            click.echo(error)
            return error.public
        case MemoryError():
            return Sentence("there is not enough memory: send fewer rows, or use fewer columns")
    traceback.print_exc()
    if not isinstance(error, OSError) or not error.filename:
        return Sentence("a file cannot be used: {why}", why=reason(error))
    return Sentence("{file} cannot be used: {why}", file=error.filename, why=error.strerror)


def _carried_out(folder: Path, training: Training, people: ForPeople) -> Result:
    if training.state == "reading":
        with reported(leave_reading(folder)):
            return read(folder, training, people)
    from train.requested.fit import fit  # noqa: PLC0415 - its libraries take seconds to load

    return fit(folder, training)


def _end_with_worker() -> None:
    """End this process and all that it has started when its worker ends, by whatever it does."""
    os.read(0, 1)  # unlike sys.stdin, it may be waited for when Python ends
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
