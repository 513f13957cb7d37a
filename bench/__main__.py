"""The bench's commands: `python -m bench compare`, `limit` and `profile`."""

from pathlib import Path

import click

from bench.environments import RESULTS
from bench.errors import BenchError
from bench.targets import TARGETS

FOLDER = click.Path(file_okay=False, path_type=Path)


class Commands(click.Group):
    """Commands whose expected failures are a message, not a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except BenchError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands)
def main() -> None:
    """Measure the service; bench/README.md says how and what the figures mean."""


@main.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(1), help="Of each.")
@click.option("--only", multiple=True, type=click.Choice(list(TARGETS)), help="Repeat for several.")
@click.option("--out", type=FOLDER, help="For results; bench/results when all is measured.")
def compare(rounds: int, seconds: int, only: tuple[str, ...], out: Path | None) -> None:
    """Measure the service, its floor and its peers."""
    from bench.compare import compare, write  # noqa: PLC0415 - each command loads its own

    folder = out or (None if only else RESULTS)
    click.echo(write(compare(list(only or TARGETS), rounds, seconds), seconds, folder))


if __name__ == "__main__":
    main(prog_name="python -m bench")
