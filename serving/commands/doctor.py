"""The command that checks an installation."""

import os
import sys

import click
import msgspec

from serving import doctor as examination
from serving.commands.group import AS_JSON
from serving.figures import counted

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@click.command(
    epilog="""\b
    Examples:
      adega doctor
      docker compose exec serving adega doctor
      adega doctor --json | jq '.findings[] | select(.state != "ok")'

    \b
    Exit codes: 0 no errors, 1 errors.
    """
)
@AS_JSON
def doctor(*, as_json: bool) -> None:
    """Check the installation; report what is wrong and what to do.

    Python and libraries, settings, models, permissions, port, disk, clock, database and journal, as
    the environment sets them. Nothing is changed, and the service may run.
    """
    findings = []
    for finding in examination.examine(os.environ):
        findings.append(finding)
        if not as_json:
            click.echo("\n".join(_lines(finding)))
    states = [finding.state for finding in findings]
    has_errors = "error" in states
    if as_json:
        click.echo(msgspec.json.encode({"ok": not has_errors, "findings": findings}))
    else:
        counts = [counted(states.count(each), each) for each in ("error", "warning")]
        click.echo(f"{counted(len(findings), 'check')}: {', '.join(counts)}")
    sys.exit(1 if has_errors else 0)


def _lines(finding: examination.Finding) -> list[str]:
    mark, colour = MARKS[finding.state]
    lines = [f"{click.style(mark, fg=colour)} {finding.about}: {finding.sentence}"]
    return lines + ([f"    → {finding.remedy}"] if finding.remedy else [])
