"""The command `adega`, with all that is done outside the workers; also `python -m serving`."""

import click

from serving import __version__, memory
from serving.commands import (
    archive,
    collect,
    doctor,
    erase,
    keys,
    monitor,
    predict,
    sign,
    upload,
    versions,
)
from serving.commands.group import Commands
from serving.commands.plugins import plugins
from serving.settings import Settings
from serving.versions.object_store import ObjectStore

# Or that look themselves.
WITHOUT_MODELS = {"archive", "collect", "keys", "signing-key", "train", "upload"}


@click.group(
    cls=Commands,
    epilog="""\b
    Examples:
      adega predict wine rows.csv -o out.csv
      adega versions wine
      adega doctor
      adega promote wine 2 --why "trained on June"
      adega monitor --once

    \b
    Exit codes: 0 done; 1 failed, with a message; 2 wrong usage; 3 done, but
    something needs attention. COMMAND --help has more.
    """,
)
@click.version_option(__version__, prog_name="adega", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Predict files, decide which versions are live, and check and monitor the service.

    It uses the folders and the database of the service, by the same environment variables
    (MODELS_DIR, VAR_DIR, DATABASE_URL, …), whether the service runs or not. A running service
    follows a decision within two seconds.
    """
    memory.raise_gc_threshold()
    if context.invoked_subcommand != "doctor":  # which reports invalid settings itself
        context.obj = Settings.from_environment()
        shared = ObjectStore.from_settings(context.obj)
        if shared and context.invoked_subcommand not in WITHOUT_MODELS:
            shared.catch_up()


for _command in (
    collect.collect,
    monitor.monitor,
    versions.versions,
    versions.promote,
    versions.rollback,
    versions.trial,
    versions.retire,
    predict.predict,
    sign.signing_key,
    sign.sign,
    upload.upload,
    archive.archive,
    erase.erase,
    doctor.doctor,
    keys.keys,
    *plugins(),
):
    main.add_command(_command)

if __name__ == "__main__":
    main(prog_name="python -m serving")
