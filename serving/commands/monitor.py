"""Check the live models for drift and for worse performance."""

import sys

import click

from serving.settings import Settings


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--once", is_flag=True, help="Check once; exits with 3 while an alert lasts.")
@click.option(
    "--json", "as_json", is_flag=True, help="With --once: one line of JSON for each model."
)
@click.pass_obj
def monitor(settings: Settings, models: tuple[str, ...], *, once: bool, as_json: bool) -> None:
    """Check models for drift and for worse performance, every MONITOR_INTERVAL, until stopped.

    All live models, if none is named. Exit codes of --once: 0 no alert lasts, 1 a model could not
    be checked, 2 wrong usage, 3 an alert lasts.
    """
    from serving.monitor import command  # noqa: PLC0415 - it imports SciPy, which others do without

    if as_json and not once:
        raise click.UsageError("--json needs --once; without --once the log is JSON")
    if once:
        sys.exit(command.check_once(settings, models, as_json=as_json))
    command.check_forever(settings, models)
