"""Our verdicts beside Evidently's, on the same windows of real wines."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.environments import PEERS, python_of
from bench.errors import BenchError
from bench.wines import COLOR, NUMBERS, Monitored, Traffic, load
from train.problems import wine

TRAINED = 4_000
ROWS = 500  # of a window, by default
RED = 0.4


class Window(NamedTuple):
    """A window, what was done to it, and the fields that this was done to."""

    kind: str
    wines: pd.DataFrame
    changed: set[str]


def compare(windows: int) -> Iterator[str]:
    """A table: how many fields of the windows of each kind have drifted, by each of the two."""
    wines = load().drop(columns=wine.PROBLEM.target).sample(frac=1, random_state=0)
    trained, live = wines[:TRAINED], wines[TRAINED:]
    unknown = np.zeros(TRAINED)
    monitored = Monitored(Traffic(trained, unknown, unknown.astype(bool)))
    made = [window for number in range(windows) for window in _windows(live, number)]
    counts: dict[str, np.ndarray] = {}
    for window, theirs in zip(
        made, _evidently(trained, [each.wines for each in made]), strict=True
    ):
        ours = set(monitored.drift(window.wines).drifted)
        row = [
            count
            for fields in (window.changed, {*NUMBERS, COLOR} - window.changed)
            for count in (len(fields), len(fields & ours), len(fields & theirs))
        ]
        counts[window.kind] = counts.get(window.kind, 0) + np.array(row)
    yield "| windows | fields changed | ours | Evidently | not changed | ours | Evidently |"
    yield "|---|---|---|---|---|---|---|"
    for kind, row in counts.items():
        yield f"| {kind} | {' | '.join(map(str, row))} |"


def _windows(live: pd.DataFrame, number: int) -> Iterator[Window]:
    random = np.random.default_rng(number)
    for rows in (200, 500, 1_300):
        yield Window(f"{rows:,} rows as they come", live.sample(rows, random_state=number), set())
    window = live.sample(ROWS, random_state=number)
    wild = [*window["chlorides"][1:], 1_000.0]
    yield Window("one wild value", window.assign(chlorides=wild), set())
    field = NUMBERS[number % len(NUMBERS)]
    for part in ("a quarter of", "half"):
        shift = (0.5 if part == "half" else 0.25) * live[field].std()
        shifted = window.assign(**{field: window[field] + shift})
        yield Window(f"one field shifted by {part} a deviation", shifted, {field})
    redder = np.where(random.random(ROWS) < RED, "red", "white")
    yield Window("red wines from 26 % to 40 %", window.assign(**{COLOR: redder}), {COLOR})
    white = live[live[COLOR] == "white"].sample(ROWS, random_state=number)
    yield Window("only white wines", white, {*NUMBERS, COLOR})


def _evidently(reference: pd.DataFrame, windows: list[pd.DataFrame]) -> list[set[str]]:
    with TemporaryDirectory() as folder:
        reference.to_csv(Path(folder) / "reference.csv", index=False)
        for number, window in enumerate(windows):
            window.to_csv(Path(folder) / f"{number}.csv", index=False)
        command = [str(python_of("evidently")), str(PEERS / "evidently" / "verdicts.py"), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"Evidently failed:\n{done.stderr[-1_000:]}")
    return [set(named) for named in json.loads(done.stdout.splitlines()[-1])]
