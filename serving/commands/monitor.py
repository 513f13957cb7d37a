"""Look at what the models get and answer."""

import sys

import click

from serving.settings import Settings


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--once", is_flag=True, help="One pass; exits with 3 while an alert lasts.")
@click.option("--json", "as_json", is_flag=True, help="With --once: a line of JSON a model.")
@click.pass_obj
def monitor(settings: Settings, models: tuple[str, ...], *, once: bool, as_json: bool) -> None:
    """Look at what the models get and answer, every MONITOR_INTERVAL, until stopped.

    All live models, if none is named. Exit codes of --once: 0 no alert lasts, 1 a model could not
    be looked at, 2 wrong use, 3 an alert lasts.
    """
    from serving.monitor import command  # noqa: PLC0415 - it takes SciPy along, the others do not

    if as_json and not once:
        raise click.UsageError("--json goes with --once; without it all that is logged is JSON")
    if once:
        sys.exit(command.once(settings, models, as_json=as_json))
    command.for_ever(settings, models)
