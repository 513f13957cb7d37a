"""Programs of other projects, each run in the environment that its requirements are in."""

import os
import subprocess
from pathlib import Path

TESTS = Path(__file__).parent.parent
CLIENTS, ORACLES = TESTS / "clients", TESTS / "oracles"
ENVIRONMENTS = Path(os.environ.get("CLIENT_ENVIRONMENTS", CLIENTS))


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
