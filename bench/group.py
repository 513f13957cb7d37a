"""The group of the bench's commands, which modules of their own add to it."""

from collections.abc import Iterable
from pathlib import Path

import click

from bench.errors import BenchError

FOLDER = click.Path(file_okay=False, path_type=Path)


class Commands(click.Group):
    """Commands whose expected failures are a message, not a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except BenchError as error:
            raise click.ClickException(str(error)) from error


def echo(lines: Iterable[str]) -> None:
    """Print each line as it comes."""
    for line in lines:
        click.echo(line)


@click.group(cls=Commands)
def main() -> None:
    """Measure the service; bench/README.md describes how, and what the figures mean."""
