"""How often the monitor finds real drift, and drift that is not there, in windows of wines."""

import time
from collections.abc import Iterable, Iterator
from statistics import mean, median
from typing import NamedTuple

import numpy as np

from bench.wines import COLOR, NUMBERS, Monitored, Traffic, load, right, trained
from serving.monitor.performance.concept import Watch

WINDOW = 500
HALF = 0.5  # of a standard deviation
RED = 0.4  # of the wines; in training it is 0.26
FLIPPED = 0.15
MAX_ERROR = 0.02
DIFFERING = 4  # of the twelve fields: those that differ most between white wines and all


class Shown(NamedTuple):
    """One line of the report: a figure, what it was to be, what it is, whether that will do."""

    figure: str
    target: str
    measured: str
    holds: bool = True


class Window(NamedTuple):
    """What the monitor made of one window, changed in all these ways."""

    false_alarm: bool
    shift: bool
    share: bool
    whites: bool
    false_flip: bool
    flip: bool
    delay: int
    error: float


def simulate(splits: int, windows: int, trees: int = 80) -> Iterator[Shown]:
    """Run so many windows of each of so many splits, and hold what comes of it to the targets."""
    differing = _differing()
    runs = []
    for seed in range(splits):
        reference, live = trained(seed, trees)
        runs += [_run(reference, live, (seed, number), differing) for number in range(windows)]
    found = Window(*(list(each) for each in zip(*runs, strict=True)))
    yield _at_most("no drift: any alarm", 0.01, found.false_alarm)
    yield _at_least("one field shifted by half a standard deviation: found", 0.99, found.shift)
    yield _at_least("share of a category moved from 26 % to 40 %: found", 0.95, found.share)
    named = f"only white wines: found, {', '.join(differing)} named, the first as the first"
    yield _at_least(named, 1.0, found.whites)
    yield _at_least("15 % of the labels flipped: found within 500 rows", 0.95, found.flip)
    rows = f"{median(found.delay):.0f} rows"
    yield Shown("the same after 4,000 good rows: found in half of the runs within", "", rows)
    yield _at_most("no label flipped: alarm within 500 rows", 0.01, found.false_flip)
    error = mean(found.error)
    points = f"{100 * error:.2f} points"
    figure = "accuracy estimated without feedback: mean absolute error"
    yield Shown(figure, "≤ 2 points", points, error <= MAX_ERROR)


def timed(rows: int) -> Shown:
    """Check so many rows of twelve fields and a probability."""
    wines, random = load(), np.random.default_rng(0)
    reference = Monitored(Traffic(wines, random.random(len(wines)), np.zeros(len(wines), bool)))
    window = wines.iloc[random.integers(len(wines), size=rows)]
    numbers = {name: window[name].to_numpy() for name in NUMBERS}
    colors, answered = window[COLOR].tolist(), random.random(rows)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        reference.checked(numbers, colors, answered)
        seconds.append(time.process_time() - start)
    return Shown(f"one check of {rows:,} rows", "", f"{1_000 * median(seconds):.0f} ms of a core")


def report(shown: Iterable[Shown]) -> Iterator[str]:
    """The lines of a table."""
    yield "| figure | target | measured | |\n|---|---|---|---|"
    for figure, target, measured, holds in shown:
        yield f"| {figure} | {target} | {measured} | {'' if holds else 'missed'} |"


def _run(
    reference: Monitored, live: Traffic, number: tuple[int, int], differing: list[str]
) -> Window:
    random = np.random.default_rng(number)
    wines, answered, good = live.at(random.permutation(len(live.good))[:WINDOW])
    field = NUMBERS[number[1] % len(NUMBERS)]
    shift = random.choice([-HALF, HALF]) * live.wines[field].std()
    shifted = wines.assign(**{field: wines[field] + shift})
    redder = wines.assign(**{COLOR: np.where(random.random(WINDOW) < RED, "red", "white")})
    white = random.permutation(np.flatnonzero(live.wines[COLOR] == "white"))[:WINDOW]
    named = reference.drift(*live.at(white)[:2]).drifted
    flipped = good ^ (random.random(WINDOW) < FLIPPED)
    return Window(
        false_alarm=reference.drift(wines, answered).verdict == "drift",
        shift=field in reference.drift(shifted).drifted,
        share=COLOR in reference.drift(redder).drifted,
        whites=named[:1] == (differing[0],) and {*differing} <= {*named},
        false_flip=reference.until_alarm(answered, good, Watch()) is not None,
        flip=reference.until_alarm(answered, flipped, Watch()) is not None,
        delay=reference.until_alarm(answered, flipped, reference.watch) or WINDOW,
        error=abs(reference.estimated_accuracy(answered) - right(answered, good)),
    )


def _differing() -> list[str]:
    """The fields that differ most between white wines and all, in that order."""
    wines = load()
    all_wines = Monitored(Traffic(wines, np.zeros(len(wines)), np.zeros(len(wines), bool)))
    fields = all_wines.drift(wines[wines[COLOR] == "white"]).fields
    ordered = sorted(fields, key=lambda each: each.change or 0, reverse=True)
    return [each.field for each in ordered[:DIFFERING]]


def _at_most(figure: str, share: float, found: list[bool]) -> Shown:
    return Shown(figure, f"≤ {share:.0%}", _times(found), mean(found) <= share)


def _at_least(figure: str, share: float, found: list[bool]) -> Shown:
    return Shown(figure, f"{'≥ ' * (share < 1)}{share:.0%}", _times(found), mean(found) >= share)


def _times(found: list[bool]) -> str:
    return f"{mean(found):.1%} ({sum(found)} of {len(found)})"
