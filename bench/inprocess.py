"""Microseconds from a body's bytes to the answer's, in one process and without HTTP.

Run `python bench/inprocess.py` from the repository's root. It prints the time of one row,
of its parts, of scikit-learn's own `predict_proba` on the same row, and of a batch.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from serving.api.protocols import native  # noqa: E402
from serving.metrics.requests import Metrics  # noqa: E402
from serving.models.artefact import FOREST  # noqa: E402
from serving.models.engine import Engine  # noqa: E402
from serving.models.explaining.explanation import ExplainOptions, Explanation  # noqa: E402
from serving.predicting.context import RequestContext  # noqa: E402
from serving.predicting.service import Service  # noqa: E402
from serving.recording.journal import Journal  # noqa: E402
from serving.recording.privacy import Privacy  # noqa: E402
from serving.recording.store import Store  # noqa: E402
from serving.settings import Settings  # noqa: E402
from serving.versions.decisions import Decisions  # noqa: E402
from serving.versions.registry import Registry  # noqa: E402

ROUNDS = 7


def microseconds(call: Callable[[], object], times: int) -> float:
    """Median over the rounds of a call's mean time."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(times):
            call()
        rounds.append((time.perf_counter() - start) / times * 1e6)
    return float(np.median(rounds))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        measure(Path(scratch))


def measure(scratch: Path) -> None:
    """Measure and print, with the journal in a folder."""
    registry = Registry(Decisions(ROOT / "models", scratch), "wine", max_loaded=1)
    store = Store(f"sqlite:///{scratch / 'unused.db'}")
    journal, privacy = Journal(scratch, sync=False), Privacy(Settings())
    metrics = Metrics(scratch / "metrics")
    silent = Service(registry, None, store, privacy, metrics, required=False)
    service = Service(registry, journal, store, privacy, metrics, required=True)
    engine = registry.engine()
    record = (ROOT / "bom.json").read_bytes()
    batch = b"[" + b",".join([record] * 1000) + b"]"

    def answer(
        body: bytes, service: Service = service, explain: ExplainOptions | None = None
    ) -> bytes:
        context = RequestContext("bench", time.perf_counter_ns(), explain=explain)
        return native.predict_json(service, engine, body, 10_000, context)

    def explained(by: Engine) -> list[Explanation]:
        return by.explain(row, by.predict(row), ExplainOptions(), Settings.explain_samples)

    def count() -> None:
        metrics.count_predictions("wine", 1, 1, ["bom"])
        metrics.count_request("/predict", "POST", "200", 45, predicts=True)

    read = registry.decisions.read("wine", engine.manifest.version)
    others = {name: read.contents[name] for name in read.contents if name != FOREST}
    without_table = Engine(replace(read, contents=others))
    row = engine.schema.decode(record, 1).matrix
    forest = joblib.load(ROOT / "models/wine" / str(engine.manifest.version) / "model.pkl")
    timed = {
        "one row, bytes to bytes": microseconds(lambda: answer(record), 2000),
        "  without the journal": microseconds(lambda: answer(record, silent), 2000),
        "  decoding and validating": microseconds(lambda: engine.schema.decode(record, 1), 2000),
        "  counting it": microseconds(count, 2000),
        f"  the model, by {engine.backend}": microseconds(lambda: engine.predict(row), 2000),
        "one row, explained": microseconds(lambda: answer(record, explain=ExplainOptions()), 200),
        "  the explanation": microseconds(lambda: explained(engine), 200),
        "  by sampling, of ONNX": microseconds(lambda: explained(without_table), 5),
        "scikit-learn's predict_proba": microseconds(lambda: forest.predict_proba(row), 20),
        "1,000 rows, bytes to bytes": microseconds(lambda: answer(batch), 20),
        "  without their journal": microseconds(lambda: answer(batch, silent), 20),
    }
    for name, time_taken in timed.items():
        print(f"{name:<28} {time_taken:9.1f} µs")
    print(f"the answer: {answer(record).decode()}")


if __name__ == "__main__":
    main()
