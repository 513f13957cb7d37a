"""What a training says of what it made, for people."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from serving import COMMAND, clock
from serving.figures import number
from serving.models import artefact
from serving.models.card import Card
from serving.models.engine import Agreement
from serving.models.manifest import Comparison, Figure, Interval, LiveData, Manifest, Threshold
from serving.models.metrics import metric
from train.assemble import Trained
from train.report_card import lines


def summary(trained: Trained, models_dir: Path) -> str:
    """Where the version is, how good it is and what serves it."""
    manifest, contents = trained.artefact.manifest, trained.artefact.contents
    lines = [
        f"{manifest.name} {manifest.version} is in {models_dir / manifest.name}",
        f"{manifest.data.source}: {manifest.data.rows:,} rows",
        *([_live(manifest.data.live)] if manifest.data.live else []),
        f"evaluation: {manifest.evaluation}",
        *_table(manifest),
        *_of_card(contents),
        *([f"published: {manifest.published}"] if manifest.published else []),
        *([_compared(manifest.compared)] if manifest.compared else []),
        *([_decision(manifest.threshold)] if manifest.threshold else []),
        *([_interval(manifest.interval, manifest.unit)] if manifest.interval else []),
        *(f"{file}: {len(content) / 1e6:.2f} MB" for file, content in contents.items()),
        *trained.remarks,
        agreement(trained.agreement),
        _next(trained),
    ]
    return "\n".join(lines)


def _of_card(contents: Mapping[str, bytes]) -> list[str]:
    if artefact.CARD not in contents:
        return []
    return list(lines(msgspec.json.decode(contents[artefact.CARD], type=Card)))


def agreement(found: Agreement | None) -> str:
    """How the ONNX model was held against the pickle."""
    if found is None:
        return "not compiled to ONNX: its pickle serves, more slowly"
    verdict = "equal" if found.holds else "NOT EQUAL, so not used"
    return (
        f"ONNX against pickle, {found.rows:,} rows, "
        f"{found.on_thresholds:,} of them on thresholds of its trees: "
        f"{found.label_differences} label differences, "
        f"answers within {found.largest_gap:.1e}: {verdict}"
    )


def _table(manifest: Manifest) -> list[str]:
    """The figures in columns; none if there are none."""
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
    said = f"of these {live.rows:,} live, with feedback, from {since} to {until}"
    if live.replaced:
        said += f"; {live.replaced:,} rows of the file left out, as their truth is another now"
    if live.left_out:
        said += f"; {live.left_out:,} live records left out: not recorded in full, or not fitting"
    return said


def _compared(compared: Comparison) -> str:
    against = f"that of live version {compared.version}"
    return f"held-out {compared.loss} against {against}: {compared.paired}"


def _decision(threshold: Threshold) -> str:
    return f"{threshold.label} from P ≥ {threshold.value}: {threshold.reason}"


def _interval(interval: Interval, unit: str) -> str:
    low, high = interval.low, interval.high
    width = (
        f"{low:+.1%} to {high:+.1%}" if interval.relative else f"{low:+.3g} to {high:+.3g} {unit}"
    )
    return (
        f"{interval.coverage:.0%} of true values lie {width.strip()} from the prediction; "
        f"{interval.observed:.1%} did of {interval.rows:,} held-out rows"
    )


def _next(trained: Trained) -> str:
    manifest = trained.artefact.manifest
    if trained.live:
        return f"it is live, for {manifest.name} had no live version"
    return f"put it live with: {COMMAND} promote {manifest.name} {manifest.version}"
