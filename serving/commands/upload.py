"""The command that copies a folder of models into the object store."""

from pathlib import Path

import click

from serving import clock
from serving.errors import SettingsError, VersionRefused
from serving.models import model_folder
from serving.settings import Settings
from serving.versions.decision import Decision, decided, read_copied
from serving.versions.decisions import Decisions
from serving.versions.object_store import ObjectStore
from serving.versions.versions import whoever_runs_this


@click.command(
    epilog="""\b
    Examples:
      MODELS_URL=s3://bucket/models adega upload models
      MODELS_URL=s3://bucket/models adega upload models wine
    """
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("models", nargs=-1)
@click.pass_obj
def upload(settings: Settings, folder: Path, models: tuple[str, ...]) -> None:
    """Copy MODELS of FOLDER, or all of them, to the object store of MODELS_URL.

    Versions keep their numbers. Decisions are copied for a model that has none there yet, so what
    is live in the folder goes live. If it is interrupted, run it again.
    """
    shared = ObjectStore.from_settings(settings)
    if shared is None:
        raise SettingsError("MODELS_URL is not set: set it to s3://BUCKET/PATH, for example")
    decisions = Decisions(folder, folder, settings.public_keys)
    shared.pull()
    for model in models or model_folder.known_models(folder):
        model_folder.require_known(folder, model)
        for version in model_folder.versions(folder / model):
            decisions.read(model, version)  # what is damaged, or not signed, is not copied
            files = {
                each.name: each.read_bytes()
                for each in (folder / model / str(version)).iterdir()
                if each.is_file() and not each.name.startswith(".")
            }
            if not shared.upload(model, version, files):
                raise VersionRefused(f"the object store has another {model} {version}")
            click.echo(f"{model} {version} is in the object store")
        # The first decision is uploaded last: without it, an upload was not finished.
        there = {each.number for each in read_copied(shared.models_dir / model)}
        for number, decision in [] if 1 in there else _numbered(decisions, model):
            if number not in there and not shared.decide(number, decision).done:
                raise VersionRefused(f"{model}: another host has decided meanwhile")
    shared.pull()


def _numbered(decisions: Decisions, model: str) -> list[tuple[int, Decision]]:
    """All decisions on a model, and one that puts live what is, if they do not; the last first."""
    history = decisions.history(model)[::-1]
    live, before = decisions.decided(model).live, decided(history).live
    if live and live != before:
        history.append(
            Decision(
                time=clock.now(),
                model=model,
                action="promote",
                before=before,
                version=live,
                who=whoever_runs_this(),
                why=f"it is live in {decisions.models_dir}",
            )
        )
    return [*enumerate(history, start=1)][::-1]
