"""The command line: what belongs to the service beside its workers."""

import getpass
import os
import signal
import socket
import sys
import threading
from datetime import UTC, datetime

import click

from serving import collector
from serving.decisions import Decision, Decisions
from serving.errors import ServingError, VersionRefused
from serving.log import log_as_json
from serving.settings import Settings
from serving.versions import Versions

WHY = click.option("--why", default="", help="Recorded with the decision.")


class Commands(click.Group):
    """Commands whose expected failures are a message, not a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ServingError as error:
            lines = [str(error), *(f"  - {each}" for each in getattr(error, "objections", ()))]
            if isinstance(error, VersionRefused) and error.objections:
                lines.append("--force puts it live all the same.")
            raise click.ClickException("\n".join(lines)) from None


@click.group(cls=Commands)
@click.pass_context
def main(context: click.Context) -> None:
    """Collect the journal; list the versions of a model and put one live.

    Decisions are kept in MODELS_DIR (models); a service that runs follows within two seconds.
    """
    context.obj = Settings.from_environment()


@main.command()
@click.pass_obj
def collect(settings: Settings) -> None:
    """Move the journal in VAR_DIR into the store until stopped.

    gunicorn does so by itself; this is for a service that is run otherwise.
    """
    log_as_json()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    collector.run(settings, lambda seconds: not stop.wait(seconds))


@main.command()
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


@main.command()
@click.argument("model")
@click.pass_obj
def versions(settings: Settings, model: str) -> None:
    """List the versions of MODEL with their figures, and what was decided."""
    for version in _versions(settings).listed(model):
        states = f" ({', '.join(version.states)})" if version.states else ""
        click.echo(f"{model} {version.version}{states} {version.created}{version.broken}")
        for name, figure in version.metrics.items():
            click.echo(f"    {name:18} {figure.mean:10.4f} ± {figure.spread:.4f}")
    for decision in _decisions(settings).history(model):
        click.echo(_told(decision))


@main.command()
@click.argument("model")
@click.argument("version", type=int)
@click.option("--force", is_flag=True, help="Overrule the gate; that is recorded.")
@WHY
@click.pass_obj
def promote(settings: Settings, model: str, version: int, why: str, *, force: bool) -> None:
    """Put VERSION of MODEL live, if the gate has nothing against it."""
    click.echo(_told(_versions(settings).promote(model, version, why, force=force)))


@main.command()
@click.argument("model")
@WHY
@click.pass_obj
def rollback(settings: Settings, model: str, why: str) -> None:
    """Put the version of MODEL live again that the live one replaced."""
    click.echo(_told(_versions(settings).rollback(model, why)))


@main.command()
@click.argument("model")
@click.argument("version", type=int, required=False)
@WHY
@click.pass_obj
def shadow(settings: Settings, model: str, version: int | None, why: str) -> None:
    """Try VERSION of MODEL on live traffic, without answering; without VERSION, end that."""
    click.echo(_told(_versions(settings).shadow(model, version, why)))


@main.command()
@click.argument("model")
@click.argument("version", type=int)
@WHY
@click.pass_obj
def retire(settings: Settings, model: str, version: int, why: str) -> None:
    """Serve VERSION of MODEL no more, not even to those who name it."""
    click.echo(_told(_versions(settings).retire(model, version, why)))


def _decisions(settings: Settings) -> Decisions:
    return Decisions(settings.models_dir, settings.decisions_dir)


def _versions(settings: Settings) -> Versions:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container, a number without a name
        user = str(os.getuid())
    return Versions(_decisions(settings), f"{user}@{socket.gethostname()}")


def _told(decision: Decision) -> str:
    when = datetime.fromtimestamp(decision.time / 1000, UTC).isoformat(" ", timespec="seconds")
    change = f"{decision.before or 'none'} → {decision.version or 'none'}"
    why = f": {decision.why}" if decision.why else ""
    overruled = f" (overruled: {'; '.join(decision.overruled)})" if decision.overruled else ""
    return f"{when} {decision.action} {decision.model} {change} by {decision.who}{why}{overruled}"


if __name__ == "__main__":
    main(prog_name="python -m serving")
