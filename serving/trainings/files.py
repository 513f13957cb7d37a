"""The files of a training's folder: state, table, log, progress and result."""

import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from serving.errors import UnknownTraining
from serving.inputs.shown import shown
from serving.trainings.training import BUSY, Kept, Step

STATE, FILE, LOG, PROGRESS, RESULT = "state.json", "file", "log", "progress.json", "result.json"
FINISHED = ("done", "cancelled")  # states after which the file is deleted


def read(folder: Path) -> Kept:
    """Read what is kept of a training.

    Raises
    ------
    UnknownTraining
    """
    try:
        kept = msgspec.json.decode((folder / STATE).read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        raise UnknownTraining(f"no training has the id {shown(folder.name)}") from None
    progress, said = None, kept.said
    if kept.training.state in BUSY:
        with suppress(OSError, msgspec.DecodeError):
            step = msgspec.json.decode((folder / PROGRESS).read_bytes(), type=Step)
            progress, said = step.progress, said | {step.progress.step: step.said}
    has_file = kept.training.state not in FINISHED and (folder / FILE).exists()
    training = msgspec.structs.replace(kept.training, progress=progress, has_file=has_file)
    return msgspec.structs.replace(kept, training=training, said=said)


def replace(file: Path, content: msgspec.Struct) -> None:
    """Write a file as JSON, whole or not at all.

    Raises
    ------
    OSError
    """
    aside = file.with_name(f"{file.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        aside.write_bytes(msgspec.json.encode(content))
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
