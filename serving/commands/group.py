"""How all commands speak: failures as sentences, colour where people look, exit codes.

0 is done, 1 could not be done, 2 was asked wrongly, 3 is done and wants a look.
"""

import os

import click

from serving.errors import InvalidRecords, ServingError, VersionRefused

WANTS_A_LOOK = 3

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Say it as JSON, for a script.")


class Commands(click.Group):
    """Commands whose expected failures are a message, not a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except ServingError as error:
            raise click.ClickException("\n".join(_told(error))) from None


def _told(error: ServingError) -> list[str]:
    said = [str(error)]
    if isinstance(error, VersionRefused) and error.objections:
        said += [f"  - {objection}" for objection in error.objections]
        said.append("--force puts it live all the same.")
    elif isinstance(error, InvalidRecords):
        for fault in error.faults:
            where = f"line {fault.line}, " if fault.line else ""
            said.append(f"  - {where}{fault.field or 'the record'}: {fault.message}")
    return said
