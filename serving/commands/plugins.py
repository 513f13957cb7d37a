"""Commands of other packages: `train`, which serving never imports and the image lacks."""

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

import click


class Plugin(click.Command):
    """A command that is imported when it runs, because importing `train` takes seconds."""

    def __init__(self, entry: EntryPoint) -> None:
        super().__init__(entry.name, help=import_module(_package(entry)).__doc__)
        self._entry = entry

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave all arguments, also --help, to the command."""
        ctx.args = args
        return args

    def invoke(self, ctx: click.Context) -> Any:
        """Import and run the command."""
        return self._entry.load().main(ctx.args, prog_name=ctx.command_path)


def plugins() -> list[Plugin]:
    """List the entry points `adega.commands` whose package is installed."""
    found = entry_points(group="adega.commands")
    return [Plugin(entry) for entry in found if find_spec(entry.module.partition(".")[0])]


def _package(entry: EntryPoint) -> str:
    return entry.module.rpartition(".")[0]
