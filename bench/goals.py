"""The goals of the service for its figures, and whether they are met."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.measure import TYPICAL, TargetFigures
from bench.targets import ASGI, FASTAPI_ONNX, FLOOR, SERVICE, TARGETS, TUTORIAL, UNRECORDED

Targets = Mapping[str, TargetFigures]
Figure = Callable[[TargetFigures], float]

SINGLE = f"one-{TYPICAL}"
ALONE, PEERS, ONNX_RUNTIME = "", "the best peer's", "ONNX Runtime's in-process"


def single_rate(figures: TargetFigures) -> float:
    """Requests a second, one row each, over the typical number of connections."""
    return figures.loads[SINGLE].requests_per_second


def single_p99(figures: TargetFigures) -> float:
    """Milliseconds within which 99 of 100 of those were answered."""
    return figures.loads[SINGLE].p99_ms


def batch_rate(figures: TargetFigures) -> float:
    """Rows a second, many rows a request."""
    return figures.loads["batch"].rows_per_second


def memory(figures: TargetFigures) -> float:
    """Megabytes, after load."""
    return figures.memory_mb


def start(figures: TargetFigures) -> float:
    """Seconds to the first right answer."""
    return figures.start_seconds


@dataclass(frozen=True)
class Rule:
    """A bound on a figure of the service, or on its ratio to the same figure of another."""

    label: str
    figure: Figure
    against: str
    bound: float
    is_minimum: bool = False


RULES = (
    Rule("one row: requests/s", single_rate, FLOOR.name, 2.0, is_minimum=True),
    Rule("one row: requests/s", single_rate, UNRECORDED.name, 0.93, is_minimum=True),
    Rule("one row: p99", single_p99, FLOOR.name, 1.0),
    Rule("one row: requests/s", single_rate, FASTAPI_ONNX.name, 1.5, is_minimum=True),
    Rule("one row: requests/s", single_rate, ASGI.name, 0.8, is_minimum=True),
    Rule("one row: requests/s", single_rate, PEERS, 15, is_minimum=True),
    Rule("one row: requests/s", single_rate, TUTORIAL.name, 50, is_minimum=True),
    Rule("batches: rows/s", batch_rate, ONNX_RUNTIME, 1.2, is_minimum=True),
    Rule("batches: rows/s", batch_rate, PEERS, 4, is_minimum=True),
    Rule("memory after load, MB", memory, ALONE, 150),
    Rule("memory after load", memory, PEERS, 1),
    Rule("start to first right answer, s", start, ALONE, 1.5),
    Rule("start to first right answer", start, PEERS, 1),
)


@dataclass(frozen=True)
class Goal:
    """A rule and what came of it; ratios are those of medians."""

    figure: str
    target: str
    measured: float
    met: bool


def reached(targets: Targets, ceiling: float) -> list[Goal]:
    """Each rule's outcome; one whose other side was not measured is left out."""
    if SERVICE.name not in targets:
        return []
    outcomes = []
    for rule in RULES:
        ours = rule.figure(targets[SERVICE.name])
        for name, theirs in _others(rule, targets, ceiling):
            label = f"{rule.label} ÷ {name}" if name else rule.label
            measured = ours / theirs
            met = measured >= rule.bound if rule.is_minimum else measured <= rule.bound
            outcomes.append(
                Goal(label, f"{'≥' if rule.is_minimum else '≤'} {rule.bound:g}", measured, met)
            )
    return outcomes


def _others(rule: Rule, targets: Targets, ceiling: float) -> list[tuple[str, float]]:
    """What a figure is divided by: one name and number, or none when it was not measured."""
    if rule.against == ALONE:
        return [("", 1.0)]
    if rule.against == ONNX_RUNTIME:
        return [(ONNX_RUNTIME, ceiling)]
    if rule.against == PEERS:
        peers = [
            (rule.figure(targets[name]), name)
            for name in targets
            if TARGETS[name].peer and not TARGETS[name].by_hand
        ]
        best = [max(peers) if rule.is_minimum else min(peers)] if peers else []
        return [(f"{PEERS} ({name})", figure) for figure, name in best]
    found = [name for name in targets if name == rule.against]
    return [(f"the {name}'s", rule.figure(targets[name])) for name in found]
