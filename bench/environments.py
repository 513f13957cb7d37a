"""A virtual environment for each peer, made when first needed."""

import shutil
import subprocess
import sys
from pathlib import Path

from bench.errors import BenchError

BENCH = Path(__file__).resolve().parent
PEERS, ENVIRONMENTS, RESULTS = BENCH / "peers", BENCH / ".venvs", BENCH / "results"


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, made anew when its requirements.txt has changed.

    Raises
    ------
    BenchError
        If something cannot be installed, with pip's last words.
    """
    wanted = (PEERS / peer / "requirements.txt").read_text()
    folder = ENVIRONMENTS / peer
    python, installed = folder / "bin" / "python", folder / "installed.txt"
    if installed.is_file() and installed.read_text() == wanted:
        return python
    print(f"making the environment of {peer}, once; this takes minutes", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    _run(peer, [sys.executable, "-m", "venv", str(folder)])
    # Without dependencies: what is not pinned is not installed, and the check misses it.
    requirements = str(PEERS / peer / "requirements.txt")
    _run(peer, [*pip, "install", "--quiet", "--no-deps", "--requirement", requirements])
    _run(peer, [*pip, "check"])
    installed.write_text(wanted)
    return python


def _run(peer: str, command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        output = "\n".join((result.stdout + result.stderr).strip().splitlines()[-5:])
        raise BenchError(
            f"the environment of {peer} cannot be made: {' '.join(command)}:\n{output}"
        )
