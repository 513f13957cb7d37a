"""ONNX Runtime's own rows a second: two processes, one thread each, no HTTP, no JSON.

Run as a process of its own, so that the bench maps none of its libraries: see bench.expected.
"""

import json
import multiprocessing
import subprocess
import sys
import time

from bench.errors import BenchError
from bench.workload import MODEL, ROOT, Workload

WORKERS = 2


def rows_per_second(work: Workload, seconds: int) -> float:
    """Measure, on the batch that the targets are sent.

    Raises
    ------
    BenchError
        If the compiled model cannot be run.
    """
    command = [sys.executable, "-m", "bench.ceiling", str(seconds)]
    batch = json.dumps(work.rows[1:])
    result = subprocess.run(
        command, input=batch, capture_output=True, text=True, check=False, cwd=ROOT
    )
    if result.returncode:
        raise BenchError(f"ONNX Runtime cannot be measured in-process:\n{result.stderr.strip()}")
    return float(result.stdout)


def _predict_for(seconds: float, rows: list[list[float]]) -> float:
    import numpy as np  # noqa: PLC0415 - only the measuring processes hold them
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(MODEL / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    name, batch, done = session.get_inputs()[0].name, np.array(rows), 0
    started = time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds:
        session.run(None, {name: batch})
        done += len(batch)
    return done / spent


def main() -> None:
    """Print rows a second, all processes together."""
    seconds, rows = float(sys.argv[1]), json.load(sys.stdin)
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        pool.starmap(_predict_for, [(0.2, rows)] * WORKERS, chunksize=1)  # both are up and warm
        print(sum(pool.starmap(_predict_for, [(seconds, rows)] * WORKERS, chunksize=1)))


if __name__ == "__main__":
    main()
