"""Commands that list the versions of a model and decide on them."""

import click
import msgspec

from serving import clock
from serving.commands.group import AS_JSON
from serving.figures import number
from serving.settings import Settings
from serving.versions.decision import Decision
from serving.versions.decisions import Decisions
from serving.versions.version_list import Version, list_versions
from serving.versions.versions import Versions, whoever_runs_this

COLOURS = {"live": "green", "trial": "cyan", "retired": "bright_black"}
WHY = click.option("--why", default="", help="Recorded with the decision.")


@click.command(
    epilog="""\b
    Examples:
      adega versions wine
      adega versions wine --json | jq '.versions[0].metrics'
    """
)
@click.argument("model")
@AS_JSON
@click.pass_obj
def versions(settings: Settings, model: str, *, as_json: bool) -> None:
    """List the versions of MODEL with their metrics, and the decisions."""
    decisions = _decisions(settings)
    listed, history = list_versions(decisions, model), decisions.history(model)
    if as_json:
        content = {"model": model, "versions": listed, "decisions": history}
        click.echo(msgspec.json.encode(content))
        return
    for version in listed:
        click.echo(f"{_named(model, version)} {version.created}{version.broken}")
        for name, figure in version.metrics.items():
            click.echo(f"    {name:18} {number(figure.mean):>10} ± {number(figure.spread)}")
    for decision in history:
        click.echo(_line(decision))


@click.command(
    epilog="""\b
    Example:
      adega promote wine 2 --why "trained on June"
    """
)
@click.argument("model")
@click.argument("version", type=int)
@click.option("--force", is_flag=True, help="Overrule the gate, which is recorded.")
@WHY
@click.pass_obj
def promote(settings: Settings, model: str, version: int, why: str, *, force: bool) -> None:
    """Put VERSION of MODEL live, if it passes the gate.

    The gate rejects a version that would break clients, that does not predict as recorded, or
    whose metrics are worse by more than their spread.
    """
    click.echo(_line(_versions(settings).promote(model, version, why, force=force)))


@click.command()
@click.argument("model")
@WHY
@click.pass_obj
def rollback(settings: Settings, model: str, why: str) -> None:
    """Put the version of MODEL live that was live before."""
    click.echo(_line(_versions(settings).rollback(model, why)))


@click.command(
    epilog="""\b
    Examples:
      adega trial wine 2    start a trial of version 2
      adega trial wine      end the trial
    """
)
@click.argument("model")
@click.argument("version", type=int, required=False)
@WHY
@click.pass_obj
def trial(settings: Settings, model: str, version: int | None, why: str) -> None:
    """Start a trial of VERSION of MODEL on live traffic; without VERSION, end it."""
    click.echo(_line(_versions(settings).set_trial(model, version, why)))


@click.command(
    epilog="""\b
    Examples:
      adega retire wine 1      stop serving version 1
      adega retire diabetes    stop serving the model, until a version is promoted
    """
)
@click.argument("model")
@click.argument("version", type=int, required=False)
@WHY
@click.pass_obj
def retire(settings: Settings, model: str, version: int | None, why: str) -> None:
    """Stop serving VERSION of MODEL, also to clients that name it; without VERSION, the model.

    `adega promote` or `rollback` serves a retired model again. The default model cannot be retired.
    """
    click.echo(_line(_versions(settings).retire(model, version, why)))


def _decisions(settings: Settings) -> Decisions:
    return Decisions.from_settings(settings)


def _versions(settings: Settings) -> Versions:
    return Versions(_decisions(settings), whoever_runs_this())


def _named(model: str, version: Version) -> str:
    states = ", ".join(click.style(state, COLOURS[state]) for state in version.states)
    return f"{model} {version.version}" + (f" ({states})" if states else "")


def _line(decision: Decision) -> str:
    when = clock.to_seconds(decision.time)
    change = f"{decision.before or 'none'} → {decision.version or 'none'}"
    why = f": {decision.why}" if decision.why else ""
    overruled = f" (overruled: {'; '.join(decision.overruled)})" if decision.overruled else ""
    return f"{when} {decision.action} {decision.model} {change} by {decision.who}{why}{overruled}"
