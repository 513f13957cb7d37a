"""The summary that a training prints."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from serving import COMMAND, clock
from serving.figures import counted, number
from serving.models import artefact
from serving.models.card import Card
from serving.models.engine import Agreement
from serving.models.manifest import Comparison, Figure, Interval, LiveData, Manifest, Threshold
from serving.models.metrics import metric
from train.assemble import Trained
from train.report_card import lines

MEGABYTE, KILOBYTE = 1e6, 1e3
COMPILED = {artefact.FOREST: "forest", artefact.ONNX: "ONNX"}


def summary(trained: Trained, models_dir: Path) -> str:
    """Where the version is, how good it is, how it is served and what to do next."""
    manifest, contents = trained.artefact.manifest, trained.artefact.contents
    lines = [
        f"{manifest.name} {manifest.version} is in {models_dir / manifest.name}",
        f"data: {manifest.data.source}: {manifest.data.rows:,} rows",
        *([_live(manifest.data.live)] if manifest.data.live else []),
        f"evaluation: {manifest.evaluation}",
        *_table(manifest),
        *_of_card(contents),
        *([f"published: {manifest.published}"] if manifest.published else []),
        *([_compared(manifest.compared)] if manifest.compared else []),
        *([_threshold(manifest.threshold)] if manifest.threshold else []),
        *([_interval(manifest.interval, manifest.unit)] if manifest.interval else []),
        "files: " + ", ".join(f"{file} {size(len(data))}" for file, data in contents.items()),
        *trained.remarks,
        *agreements(trained.agreements),
        _next(trained),
    ]
    return "\n".join(lines)


def _of_card(contents: Mapping[str, bytes]) -> list[str]:
    if artefact.CARD not in contents:
        return []
    return list(lines(msgspec.json.decode(contents[artefact.CARD], type=Card)))


def agreements(found: Mapping[str, Agreement]) -> list[str]:
    """How what was compiled compares with the pickle, a line for each file."""
    if not found:
        return ["not compiled: its pickle serves, more slowly"]
    return [_agreement(COMPILED[file], each) for file, each in found.items()]


def _agreement(compiled: str, found: Agreement) -> str:
    verdict = "equal" if found.holds else "NOT EQUAL, so not used"
    return (
        f"{compiled} against pickle, {counted(found.rows, 'row')}, "
        f"{found.on_thresholds:,} of them on thresholds of its trees: "
        f"{counted(found.label_differences, 'label difference')}, "
        f"outputs within {found.largest_gap:.1e}: {verdict}"
    )


def size(octets: int) -> str:
    """A file's size.

    >>> size(1_180_000), size(3_210)
    ('1.18 MB', '3.2 kB')
    """
    if octets < MEGABYTE:
        return f"{octets / KILOBYTE:.1f} kB"
    return f"{octets / MEGABYTE:.2f} MB"


def _table(manifest: Manifest) -> list[str]:
    """The metrics in columns; no lines if there are none."""
    if not manifest.metrics:
        return []
    rows = {"": ["mean", "spread", "baseline"]}
    rows |= {metric(name).title: _numbers(figure) for name, figure in manifest.metrics.items()}
    first = max(18, *map(len, rows))
    widths = [max(10, 1 + max(map(len, column))) for column in zip(*rows.values(), strict=True)]
    return [
        f"{name:>{first}}"
        + "".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for name, row in rows.items()
    ]


def _numbers(figure: Figure) -> list[str]:
    return [number(value) for value in (figure.mean, figure.spread, figure.baseline)]


def _live(live: LiveData) -> str:
    since, until = (clock.to_seconds(time) for time in (live.since, live.until))
    verb = "is a live record" if live.rows == 1 else "are live records"
    text = f"{live.rows:,} of these rows {verb} with feedback, from {since} to {until}"
    if live.replaced:
        rows = counted(live.replaced, "row")
        text += f"; left out: {rows} of the file, which feedback contradicts"
    if live.left_out:
        text += (
            f"; left out: {counted(live.left_out, 'live record')}, recorded in part, or not fitting"
        )
    return text


def _compared(compared: Comparison) -> str:
    return f"against live version {compared.version}, held-out {compared.loss}: {compared.paired}"


def _threshold(threshold: Threshold) -> str:
    return (
        f"threshold: {threshold.label} when P({threshold.label}) ≥ {threshold.value}; "
        f"{threshold.reason}"
    )


def _interval(interval: Interval, unit: str) -> str:
    if interval.relative:
        around = f"{100 * interval.low:+.1f} % to {100 * interval.high:+.1f} %"
    else:
        around = f"{_signed(interval.low)} to {_signed(interval.high)} {unit}".strip()
    return (
        f"prediction interval: {around} around the prediction, for "
        f"{100 * interval.coverage:.0f} % of actual values; it contained "
        f"{100 * interval.observed:.1f} % of {interval.rows:,} held-out rows"
    )


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{number(abs(value))}"


def _next(trained: Trained) -> str:
    manifest = trained.artefact.manifest
    if trained.live:
        return f"it is live, because {manifest.name} had no live version"
    return f"put it live with: {COMMAND} promote {manifest.name} {manifest.version}"
