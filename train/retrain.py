"""Where the live rows of a retraining come from, and whether what it made is put live."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from serving.errors import ArtefactError
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.recording.privacy import Privacy
from serving.recording.store import Store
from serving.settings import Settings
from serving.versions.decisions import Decision, Decisions
from serving.versions.versions import Versions, whoever_runs_this
from train.errors import TrainingError
from train.live import Feedback


@contextmanager
def feedback(settings: Settings, model: str, most: int) -> Iterator[Feedback]:
    """Open the store for the live rows of a model.

    Raises
    ------
    TrainingError
        If the model has no live version, and so no live records.
    """
    try:
        version = _decisions(settings).current(model)
    except ArtefactError as error:
        raise TrainingError(f"{model} has no live version to learn from: {error}") from error
    kept_out = Privacy(settings).kept_out(model)
    with closing(Store(settings.store_url)) as store:
        yield Feedback(store, model, version, kept_out, most)


def trained_on(settings: Settings, model: str) -> str:
    """The sha256 of the file that the live version was trained on; empty if none is live."""
    try:
        live = _decisions(settings).current(model)
        return artefact.read_manifest(settings.models_dir, model, live).data.sha256
    except ArtefactError:
        return ""


def promote(settings: Settings, manifest: Manifest) -> Decision:
    """Put a version live, if the gate has nothing against it.

    Raises
    ------
    VersionRefused
    """
    versions = Versions(_decisions(settings), whoever_runs_this())
    return versions.promote(manifest.name, manifest.version, why(manifest))


def why(manifest: Manifest) -> str:
    """What speaks for a version, in a few words."""
    live, compared = manifest.data.live, manifest.compared
    said = f"trained on {manifest.data.rows:,} rows"
    said += f", {live.rows:,} of them live" if live else ""
    if compared:
        said += f"; {compared.loss} {compared.paired}"
    return said


def _decisions(settings: Settings) -> Decisions:
    return Decisions(settings.models_dir, settings.decisions_dir)
