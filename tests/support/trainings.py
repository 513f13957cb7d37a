"""Trainings that were requested over HTTP."""

import msgspec

from serving.settings import Settings
from serving.trainings.requests import of_file
from serving.trainings.training import Kept, TrainingColumn
from serving.trainings.trainings import FILE, STATE, replace

ID, NOW = "0123456789ab", "2026-11-21T09:30:00.000+00:00"


def keep(settings: Settings) -> None:
    """Keep a training whose columns were read, under `ID`."""
    folder = settings.trainings_dir / ID
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text("rooms\n3\n")
    training = msgspec.structs.replace(
        of_file("homes.csv", "ana"),
        id=ID,
        created=NOW,
        state="ready",
        columns=[TrainingColumn(name="rooms", type="integer", values="1 to 9")],
    )
    replace(folder / STATE, Kept(training=training, since=NOW))
