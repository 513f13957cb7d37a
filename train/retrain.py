"""Where the live rows of a retraining come from; what is recorded and decided of its version."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from serving.errors import ArtefactError, ServingError
from serving.models.manifest import Manifest
from serving.recording.privacy import Privacy
from serving.recording.store import Store
from serving.sentence import Sentence
from serving.settings import Settings
from serving.versions.decision import Decision, Made
from serving.versions.decisions import Decisions
from serving.versions.versions import Versions, whoever_runs_this
from train.errors import TrainingError
from train.feedback_source import FeedbackSource


@contextmanager
def feedback_source(settings: Settings, model: str, max_live: int) -> Iterator[FeedbackSource]:
    """Open the store, and the archive if there is one, for the live rows of a model.

    Raises
    ------
    TrainingError
        If the model has no live version, and so no live records.
    """
    try:
        decisions = _decisions(settings)
        version = decisions.live(model)
        labels = decisions.read_manifest(model, version).classes
    except ArtefactError as error:
        raise TrainingError(
            Sentence(
                "{model} has no live version, so it has no feedback either ({why}): train it "
                "without --with-feedback first",
                model=model,
                why=str(error),
            )
        ) from error
    kept_out = Privacy(settings).kept_out(model)
    with closing(Store(settings.store_url)) as store:
        yield FeedbackSource(
            store, model, version, kept_out, max_live, settings.archive_url, labels
        )


def trained_on(settings: Settings, model: str) -> str:
    """The sha256 of the file that the live version was trained on; empty if none is live."""
    try:
        decisions = _decisions(settings)
        return decisions.read_manifest(model, decisions.live(model)).data.sha256
    except ArtefactError:
        return ""


def record(settings: Settings, manifest: Manifest, who: str, why: str = "") -> None:
    """Record in the history of a model who had a version made, as who decides on it."""
    with suppress(ServingError):  # the version is there, whether or not that can be written
        by: Made = "import" if manifest.data.is_unknown else "train"
        Versions(_decisions(settings), who).made(by, manifest.name, manifest.version, why)


def promote(settings: Settings, manifest: Manifest) -> Decision:
    """Put a version live, unless the gate objects.

    Raises
    ------
    VersionRefused
    """
    versions = Versions(_decisions(settings), whoever_runs_this())
    return versions.promote(manifest.name, manifest.version, reason(manifest))


def reason(manifest: Manifest) -> str:
    """The reason that is recorded for putting a version live."""
    live, compared = manifest.data.live, manifest.compared
    text = f"trained on {manifest.data.rows:,} rows"
    text += f", {live.rows:,} of them live" if live else ""
    if compared:
        text += f"; {compared.loss} {compared.paired}"
    return text


def _decisions(settings: Settings) -> Decisions:
    return Decisions.from_settings(settings)
