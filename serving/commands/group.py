"""What all commands share: messages of failures, colours, exit codes.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done, but something needs attention.
"""

import os

import click

from serving.errors import InvalidRecords, ServingError, VersionRefused

NEEDS_ATTENTION = 3

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


class Commands(click.Group):
    """Commands that print expected failures as a message, not a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; print an expected failure."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except ServingError as error:
            raise click.ClickException("\n".join(_lines(error))) from None


def _lines(error: ServingError) -> list[str]:
    lines = [str(error)]
    if isinstance(error, VersionRefused):
        lines += [f"  - {objection}" for objection in error.objections]
        lines += ["--force puts it live anyway."] * error.can_be_forced
    elif isinstance(error, InvalidRecords):
        for fault in error.faults:
            where = f"line {fault.line}, " if fault.line else ""
            lines.append(f"  - {where}{fault.field or 'the record'}: {fault.message}")
    return lines
