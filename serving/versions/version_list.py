"""Lists the versions of a model, with what is decided on each."""

import msgspec

from serving.errors import ArtefactError
from serving.models import model_folder
from serving.models.manifest import Figure
from serving.versions.reader import VersionReader


class Version(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of a model in a list.

    Attributes
    ----------
    states : tuple of str
        Some of live, trial and retired.
    broken : str
        Why its manifest cannot be read.
    """

    version: int
    states: tuple[str, ...] = ()
    created: str = ""
    metrics: dict[str, Figure] = {}
    broken: str = ""


def list_versions(reader: VersionReader, model: str) -> list[Version]:
    """List every version, the latest first.

    Raises
    ------
    UnknownModel, ArtefactError
    """
    model_folder.require_known(reader.models_dir, model)
    numbers, holds = model_folder.versions(reader.models_dir / model), reader.decided(model)
    states: dict[str, list[int | None]] = {
        "live": [holds.live],
        "trial": [holds.trial],
        "retired": [*holds.retired],
    }
    versions = []
    for number in reversed(numbers):
        its_states = tuple(state for state, held in states.items() if number in held)
        try:
            manifest = reader.read_manifest(model, number)
        except ArtefactError as error:
            versions.append(Version(number, its_states, broken=str(error)))
        else:
            versions.append(Version(number, its_states, manifest.created, manifest.metrics))
    return versions
