"""Microseconds a row of C code beside what serves without it: of a forest, and of decoding.

Both ways get the same rows in turn, so the ratios hold on a machine whose processors are now fast,
now slow. Rows are different wines; two threads compute at the same time, each its own.
"""

import csv
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from statistics import median, quantiles
from threading import Barrier, Thread
from typing import Any

import msgspec
import numpy as np

from bench.errors import BenchError
from bench.workload import MODEL, ROOT
from serving.inputs.schema import Schema
from serving.models import artefact
from serving.models.artefact import FOREST, ONNX
from serving.models.backends import from_onnx
from serving.models.forest import from_forest, is_available

Way = Callable[[Any], object]

SIZES, THREADS = (1, 10, 100, 1000), (1, 2)
ROWS = 4_000  # in a turn
WINES = ROOT / "train" / "data" / "winequality.csv"


def compare(turns: int) -> Iterator[str]:
    """Lines of processor time a row, by rows in a batch and by threads.

    Raises
    ------
    BenchError
        If forests cannot be walked here.
    """
    if not is_available():
        raise BenchError("there was no C compiler when adega was installed: nothing to compare")
    model = artefact.read(MODEL.parent.parent, MODEL.parent.name, int(MODEL.name))
    walk = from_forest(model.contents[FOREST], model.manifest)
    onnx = from_onnx(model.contents[ONNX], model.manifest)
    schema = Schema(model.manifest.fields)
    records = _records(schema)
    rows = schema.decode(msgspec.json.encode(records), len(records)).matrix
    yield "threads  rows a batch   forest   ONNX Runtime   ONNX Runtime ÷ forest (half of turns)"
    for threads in THREADS:
        for size in SIZES:
            batches = [rows[first : first + size] for first in range(0, len(rows) - size, size)]
            pairs = [_pair((walk, onnx), batches, size, threads, turn) for turn in range(turns)]
            yield f"{threads:7} {size:13,} {_compared(pairs)}"
    usual = Schema(model.manifest.fields)
    usual.read_columns = None
    yield "rows a body   columns     msgspec   msgspec ÷ columns, of decoding (half of turns)"
    for size in SIZES:
        bodies = [
            json.dumps(records[first : first + size]).encode()
            for first in range(0, len(records) - size, size)
        ]
        ways = partial(_decode, schema), partial(_decode, usual)
        pairs = [_pair(ways, bodies, size, 1, turn) for turn in range(turns)]
        yield f"{size:11,} {_compared(pairs)}"


def _decode(schema: Schema, body: bytes) -> None:
    schema.decode(body, max(SIZES))


def _compared(pairs: list[tuple[float, float]]) -> str:
    ours, theirs = (median(times) for times in zip(*pairs, strict=True))
    low, ratio, high = quantiles([theirs / ours for ours, theirs in pairs], n=4)
    return f"{ours:8.2f} µs {theirs:8.2f} µs   {ratio:.2f} ({low:.2f} to {high:.2f})"


def _records(schema: Schema) -> list[dict[str, Any]]:
    with WINES.open(newline="") as source:
        wines = list(csv.DictReader(source))
    records = [
        {name: wine[name] if name == "color" else float(wine[name]) for name in schema.names}
        for wine in wines
    ]
    return [records[each] for each in np.random.default_rng(0).permutation(len(records))]


def _pair(
    ways: tuple[Way, Way], batches: list[Any], size: int, threads: int, turn: int
) -> tuple[float, float]:
    ordered = ways if turn % 2 else ways[::-1]
    times = [_microseconds(way, batches, size, threads) for way in ordered]
    return (times[0], times[1]) if turn % 2 else (times[1], times[0])


def _microseconds(way: Way, batches: list[Any], size: int, threads: int) -> float:
    """Processor time a row, which waiting for a processor or a lock does not lengthen."""
    together, spent = Barrier(threads), [0.0] * threads

    def run(number: int) -> None:
        endless: Iterator[Any] = cycle(batches[number * len(batches) // threads :])
        for _ in range(3):
            way(next(endless))
        together.wait()
        count = ROWS // size
        begun = time.thread_time()
        for _ in range(count):
            way(next(endless))
        spent[number] = (time.thread_time() - begun) / (count * size) * 1e6

    started = [Thread(target=run, args=(number,)) for number in range(threads)]
    for each in started:
        each.start()
    for each in started:
        each.join()
    return sum(spent) / threads
