"""Programs of others, which may be missing, or each need an environment of its own."""

import os
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

TESTS = Path(__file__).parent.parent
CLIENTS, ORACLES = TESTS / "clients", TESTS / "oracles"
ENVIRONMENTS = Path(os.environ.get("CLIENT_ENVIRONMENTS", CLIENTS))


def skip_or_fail(missing: str) -> NoReturn:
    """End a test for which something is missing: skipped, but failed where all are to be run."""
    (pytest.fail if "CI" in os.environ else pytest.skip)(missing)


def call(name: str, *arguments: str, programs: Path = CLIENTS) -> str:
    """Run `call_NAME.py` with the packages of its project, those of `requirements-PROJECT.txt`.

    The name is that of the project; more may follow after an underscore.
    """
    environments = ENVIRONMENTS if programs == CLIENTS else programs
    python = environments / f".venv-{name.partition('_')[0]}/bin/python"
    command = [python, "-W", "ignore", programs / f"call_{name}.py", *arguments]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
