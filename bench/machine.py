"""Where and with what a bench was run."""

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.environments import PEERS

LIBRARIES = ("Flask", "gunicorn", "gunicorn_h1c", "msgspec", "numpy", "onnxruntime", "scikit-learn")


def facts() -> dict[str, object]:
    """Machine, versions and date, for the head of a report."""
    models = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "libraries": {name: version(name) for name in LIBRARIES},
        "peers": {folder.name: _pinned(folder) for folder in sorted(PEERS.iterdir())},
    }


def _commit() -> str:
    try:
        command = ["git", "describe", "--always", "--dirty"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _pinned(peer: Path) -> list[str]:
    """What a peer's requirements.txt names first, before what that needs."""
    direct, _, _ = (peer / "requirements.txt").read_text().partition("\n\n")
    return direct.splitlines()
