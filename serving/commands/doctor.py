"""The command that says what is wrong with an installation."""

import os
import sys

import click
import msgspec

from serving import doctor as examination
from serving.commands.group import AS_JSON

MARKS = {"fine": ("✓", "green"), "odd": ("!", "yellow"), "broken": ("✗", "red")}


@click.command(
    epilog="""\b
    Examples:
      adega doctor
      docker compose exec serving adega doctor
      adega doctor --json | jq '.findings[] | select(.state != "fine")'

    \b
    Exit codes: 0 nothing is broken, 1 something is.
    """
)
@AS_JSON
def doctor(*, as_json: bool) -> None:
    """Look the installation over, and say what is wrong with it and what to do.

    Python and libraries, settings, models, permissions, port, disk, clock, database and journal, as
    the environment has them. Nothing is changed, and the service may run.
    """
    findings = []
    for finding in examination.examine(os.environ):
        findings.append(finding)
        if not as_json:
            click.echo("\n".join(_lines(finding)))
    states = [finding.state for finding in findings]
    is_broken = "broken" in states
    if as_json:
        click.echo(msgspec.json.encode({"broken": is_broken, "findings": findings}))
    else:
        counts = f"{states.count('broken')} broken, {states.count('odd')} odd"
        click.echo(f"{len(findings)} things looked at: {counts}")
    sys.exit(1 if is_broken else 0)


def _lines(finding: examination.Finding) -> list[str]:
    mark, colour = MARKS[finding.state]
    said = [f"{click.style(mark, fg=colour)} {finding.about}: {finding.sentence}"]
    return said + ([f"    → {finding.remedy}"] if finding.remedy else [])
