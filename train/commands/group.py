"""What all commands share: how the first argument is read, messages of failures, names."""

import errno
import os
from pathlib import Path
from typing import Any

import click

from serving.errors import ServingError
from serving.inputs.shown import printable
from serving.models.refusals import reason
from serving.trainings.names import fault_of_name
from train.errors import TrainingError
from train.tables.files import SIGNS

FILE = click.Path(path_type=Path)


class Commands(click.Group):
    """Commands by name; the name of a file, a folder or a glob is short for `csv` and that."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with."""
        path = Path(args[0])
        is_file = path.suffix or path.is_dir() or "/" in args[0] or any(map(args[0].count, SIGNS))
        is_file = is_file and args[0] not in self.commands
        return super().resolve_command(ctx, ["csv", *args] if is_file else args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an expected failure is one sentence, not a traceback."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except (TrainingError, ServingError) as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the output is piped to what has ended
                raise
            if not error.filename:  # of a connection, say
                raise click.ClickException(reason(error)) from error
            file = printable(str(error.filename))
            raise click.ClickException(f"{file} cannot be used: {error.strerror}") from error


def checked_name(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """Check the name of a model, as the callback of an option."""
    if value is not None and (fault := fault_of_name(value)):
        raise click.BadParameter(fault, context, parameter)
    return value
