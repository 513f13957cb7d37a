"""Programs of other projects' clients, each run in the environment that its requirements are in."""

import os
import subprocess
from pathlib import Path

CLIENTS = Path(__file__).parent.parent / "clients"
ENVIRONMENTS = Path(os.environ.get("CLIENT_ENVIRONMENTS", CLIENTS))


def call(name: str, *arguments: str) -> str:
    """Run `call_NAME.py` with the packages of its client, those of `requirements-CLIENT.txt`.

    The name is that of the client; more may follow after an underscore.
    """
    python = ENVIRONMENTS / f".venv-{name.partition('_')[0]}/bin/python"
    command = [python, "-W", "ignore", CLIENTS / f"call_{name}.py", *arguments]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
