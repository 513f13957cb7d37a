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
from serving.settings import Settings
from serving.trainings.training import Result, Training
from serving.trainings.trainings import RESULT, Trainings, replace
from train.errors import TrainingError
from train.memory.available import limit
from train.requested.columns import for_people, read

NICENESS = 10  # predictions come first
MEGABYTE = 1_000_000


def main(training_id: str) -> None:
    """Carry out a training, and leave its result."""
    threading.Thread(target=_end_with_worker, daemon=True).start()
    os.nice(NICENESS)
    with suppress(OSError):  # where memory ends, this is killed first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    settings = Settings.from_environment()
    limit.set(settings.training_max_mb * MEGABYTE)
    trainings = Trainings(settings.trainings_dir)
    folder, training = trainings.path(training_id), trainings.get(training_id).training
    try:
        result = _carried_out(folder, training)
    except EmptyStore:
        result = Result(error="nothing is recorded yet, so there is no feedback to train with")
    except ServingError as error:
        click.echo(error)
        result = Result(error=for_people(error.public, folder, training))
    except TrainingError as error:
        result = Result(error=for_people(str(error), folder, training))
    except MemoryError:
        result = Result(error="there is not enough memory: send fewer rows, or use fewer columns")
    except OSError as error:
        traceback.print_exc()
        result = Result(error=f"{error.filename or 'a file'} cannot be used: {error.strerror}")
    except Exception as error:  # noqa: BLE001 - libraries raise anything
        traceback.print_exc()
        result = Result(error=f"the training failed: {reason(error)}; its log has more")
    if result.error:
        click.echo(result.error)
    replace(folder / RESULT, result)


def _carried_out(folder: Path, training: Training) -> Result:
    if training.state == "reading":
        return read(folder, training)
    from train.requested.fit import fit  # noqa: PLC0415 - its libraries take seconds to load

    return fit(folder, training)


def _end_with_worker() -> None:
    """End this process and all that it has started when its worker ends, by whatever it does."""
    os.read(0, 1)  # unlike sys.stdin, it may be waited for when Python ends
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
