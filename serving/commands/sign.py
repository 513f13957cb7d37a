"""The commands that make a key for signatures, and sign versions with it."""

from pathlib import Path

import click

from serving.errors import ArtefactError, SettingsError, without_path
from serving.models import artefact, model_folder, signatures
from serving.models.model_folder import MANIFEST
from serving.models.signatures import SIGNATURE
from serving.settings import Settings
from serving.versions.object_store import ObjectStore


@click.command(
    "signing-key",
    epilog="""\b
    Example:
      adega signing-key ~/.adega-key
      export SIGNING_KEY=~/.adega-key TRUSTED_KEYS=$(adega signing-key ~/.adega-key)
    """,
)
@click.argument("file", type=click.Path(path_type=Path))
def signing_key(file: Path) -> None:
    """Make a private key in FILE, unless it is there, and print its public key.

    SIGNING_KEY=FILE signs versions when they are written; the service needs the public key alone,
    in TRUSTED_KEYS.
    """
    key = signatures.read_key(str(file)) if file.exists() else signatures.create_key(file)
    click.echo(signatures.public_key(key))


@click.command(
    epilog="""\b
    Example:
      adega sign wine 1
    """
)
@click.argument("model")
@click.argument("versions", type=int, nargs=-1, required=True)
@click.pass_obj
def sign(settings: Settings, model: str, versions: tuple[int, ...]) -> None:
    """Sign VERSIONS of MODEL that are written already, with SIGNING_KEY.

    Their files are verified against the manifest, but a signature says that you trust the version:
    look where it came from first.
    """
    if not settings.signing_key:
        raise SettingsError("SIGNING_KEY is not set: make a key with `adega signing-key FILE`")
    key = signatures.read_key(settings.signing_key)
    shared = ObjectStore.from_settings(settings)
    for version in versions:
        read = artefact.read(settings.models_dir, model, version)
        folder = settings.models_dir / model / str(version)
        content = signatures.sign(model, version, (folder / MANIFEST).read_bytes(), key)
        try:
            if shared:
                shared.sign(model, version, content)
            else:
                model_folder.replace_file(folder / SIGNATURE, content.decode())
        except OSError as error:
            raise ArtefactError(
                f"{read}: {SIGNATURE} cannot be written: {without_path(error)}"
            ) from error
        if shared:
            shared.pull(model)
        click.echo(f"{read}, created {read.manifest.created}, is signed")
