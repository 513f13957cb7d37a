"""What a key costs: one open service and one that needs keys, each asked in its turn.

Both are in this process, and each request is one of a pair, so what slows the machine slows both.
A worker also waits and calls the system, so the share there is less.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from app import create_app
from bench.profile import WARM_UP, Worker, quiet
from bench.sampler import Sampler
from bench.workload import ROOT
from serving.access import entries
from serving.settings import Settings


def cost(pairs: int) -> Iterator[str]:
    """Yield lines with the time of a request of one row, with a key and without."""
    key, record = entries.generate(), (ROOT / "bom.json").read_bytes()
    written = {"sha256": entries.hash_of(key).hex(), "scopes": ["predict"], "models": ["wine"]}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, quiet(scratch):
        folder = Path(scratch)
        (folder / "keys.json").write_text(json.dumps({"bench": written}), encoding="utf-8")
        open_ = create_app(Settings(var_dir=folder / "open"))
        keyed = create_app(
            Settings(var_dir=folder / "keyed", api_keys_file=str(folder / "keys.json"))
        )
        without = Worker(open_.extensions["front"], record)
        with_key = Worker(keyed.extensions["front"], record, f"Authorization: Bearer {key}\r\n")
        for _ in range(WARM_UP):
            _pair(with_key, without)
        times = []
        for _ in range(pairs // 2):  # whichever is the second finds the caches warm
            times.append(_pair(with_key, without))
            times.append(_pair(without, with_key)[::-1])
    for name, found in zip(("with a key", "without"), zip(*times, strict=True), strict=True):
        yield f"{name:12} {median(found):.1f} µs"
    ratios = [a / b for a, b in times]
    low, _, high = quantiles(ratios, n=4)
    yield f"ratio: {median(ratios):.3f} (half of {pairs:,} pairs: {low:.3f} to {high:.3f})"


def _pair(*workers: Worker) -> list[float]:
    """Have each worker answer a request; return the microseconds of each."""
    sampler = Sampler()
    return [sum(worker.answer(sampler)) / 1000 for worker in workers]
