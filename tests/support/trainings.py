"""Trainings that were requested over HTTP."""

import msgspec

from serving.settings import Settings
from serving.trainings.files import FILE, STATE, replace
from serving.trainings.requests import of_file
from serving.trainings.training import Kept, TrainingColumn

ID, NOW = "0123456789ab", "2026-11-21T09:30:00.000+00:00"


def keep(settings: Settings, column: str = "rooms") -> None:
    """Keep a training whose column was read, under `ID`."""
    folder = settings.trainings_dir / ID
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(f"{column}\n3\n")
    training = msgspec.structs.replace(
        of_file("homes.csv", "ana"),
        id=ID,
        created=NOW,
        state="ready",
        columns=[TrainingColumn(name=column, type="integer", values="1 to 9")],
    )
    replace(folder / STATE, Kept(training=training, since=NOW))
