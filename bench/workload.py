"""The rows that every target is sent, and the predictions that it must return."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.errors import BenchError

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "models" / "wine" / (ROOT / "models" / "wine" / "current").read_text().strip()
BATCH = 1000


@dataclass(frozen=True)
class Workload:
    """One wine, then a batch of others.

    Attributes
    ----------
    fields : list of str
        Names, in the order of a row.
    classes : list of str
        In the order of a row's probabilities.
    records : list of dict
        As people write them, the first to be posted alone and the others as a batch.
    rows : list of list of float
        The same, as the forest takes them: categories as codes.
    probabilities : list of list of float
        By scikit-learn's predict_proba.
    answer : str
        The service's own to the first record.
    """

    fields: list[str]
    classes: list[str]
    records: list[dict[str, Any]]
    rows: list[list[float]]
    probabilities: list[list[float]]
    answer: str


@cache
def workload() -> Workload:
    """The workload, computed by a process that has ended before anything is measured.

    Raises
    ------
    BenchError
        If the model or the service does not load.
    """
    command = [sys.executable, "-m", "bench.expected"]
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        environment = {**os.environ, "PYTHONWARNINGS": "ignore", "VAR_DIR": scratch}
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment
        )
    if result.returncode:
        raise BenchError(f"the expected answers cannot be computed:\n{result.stderr.strip()}")
    return Workload(**json.loads(result.stdout))
