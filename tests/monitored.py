"""Reports on windows of real rows, as a pass of the monitor writes them, put into a store."""

from collections import Counter
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
from msgspec import Raw

from serving import ids
from serving.artefact import Artefact
from serving.engine import Engine
from serving.monitor import arrival, concept, drift, estimate, losses, performance
from serving.monitor.answers import Classified, Regressed, truth
from serving.monitor.performance import HeldOut
from serving.monitor.samples import Labels, Numbers
from serving.reports import Alert, Report, Reports

DAY = 86_400_000
BINS = 20


class Window(NamedTuple):
    """Rows that came with a field in each column, and what is known to be true, NaN where not."""

    frame: pd.DataFrame
    actual: Any
    until: int

    @property
    def times(self) -> Any:
        return np.linspace(self.until - DAY, self.until, len(self.frame))


def report(read: Artefact, window: Window, **changes: Any) -> dict[str, Any]:
    """What a pass over a window finds; `changes` replace entries."""
    manifest, reference, engine = read.manifest, read.reference, Engine(read)
    records = msgspec.json.encode(window.frame.to_dict("records"))
    rows = engine.schema.decode(records, len(window.frame))
    labels, *_ = answered = engine.predict(rows.matrix)
    fields, distributions = {}, []
    for field in manifest.fields:
        known, values = reference.fields[field.name], window.frame[field.name]
        if field.categories:
            fields[field.name] = Labels.of(known.counts, values, rows=reference.rows)
            distributions.append(_of_labels(field.name, known.counts, values))
        else:
            fields[field.name] = Numbers.of(known.quantiles, values, rows=reference.rows)
            distributions.append(_of_numbers(field.name, "field", known.quantiles, values))
    outputs = _outputs(manifest, reference, answered)
    for name, (quantiles, values) in outputs.items():
        distributions.append(_of_numbers(name, "prediction", quantiles, values))
    drifted = drift.measure(
        fields,
        {name: Numbers.of(*each, rows=reference.rows) for name, each in outputs.items()},
    )
    known = np.array([not pd.isna(each) for each in window.actual])
    realised, watched, estimated = _performance(manifest, reference, answered, window, known)
    told = arrival.measure(window.times, np.where(known, window.times + 3.6e6, np.nan))
    verdict = "drift" if watched and watched.verdict == "drift" else drifted.verdict
    labels = dict(Counter(answered.values)) if manifest.classes else {}
    found = {
        "model": manifest.name,
        "version": manifest.version,
        "time": window.until,
        "window": {
            "since": int(window.times[0]),
            "until": window.until,
            "predictions": len(window.frame),
            "most": 5000,
            "days": 7,
        },
        "verdict": verdict,
        "sentence": watched.sentence if verdict != drifted.verdict else drifted.sentence,
        "drift": drifted,
        "distributions": distributions,
        "arrival": told,
        "realised": realised,
        "estimated": estimated,
        "concept": watched,
        "unmeasured": [] if known.any() else ["no feedback yet: POST /feedback takes it"],
        "traffic": {
            "predictions": len(window.frame),
            "requests": None,
            "errors": None,
            "per_hour": len(window.frame) / 24,
            "warned": 0.02,
            "median_ms": 0.4,
            "slowest_hundredth_ms": 3.1,
            "labels": labels,
        },
        "trial": None,
    }
    return msgspec.to_builtins(found | changes)


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """The point that a report leaves behind."""
    both = (*found["drift"]["fields"], *found["drift"]["predictions"])
    watched = found["concept"]
    return {
        "predictions": found["window"]["predictions"],
        "per_hour": found["traffic"]["per_hour"],
        "verdict": found["verdict"],
        "with_feedback": found["arrival"]["share"],
        "realised": {
            each["metric"]: [each["value"], each["low"], each["high"]]
            for each in found["realised"]
            if each["value"] is not None
        },
        "estimated": {each["metric"]: each["value"] for each in found["estimated"]},
        "concept": watched and {"recent": watched["recent"], "held_out": watched["held_out"]},
        "changes": {each["field"]: each["change"] for each in both if each["change"] is not None},
        "verdicts": {each["field"]: each["verdict"] for each in both},
        "errors": None,
        "median_ms": found["traffic"]["median_ms"],
        "warned": found["traffic"]["warned"],
    }


def keep(reports: Reports, found: dict[str, Any], *alerts: Alert) -> None:
    """Write a report and its point, as a pass does."""
    model, version, time = found["model"], found["version"], found["time"]
    before = reports.latest(model, version)
    row = Report(model, version, time, Raw(msgspec.json.encode(found)), 0, Raw(b"null"))
    point = Raw(msgspec.json.encode(figures(found)))
    assert reports.write(row, point, alerts, [], before=before.time if before else 0)


def alert(found: dict[str, Any], sentence: str, **changes: Any) -> Alert:
    """An alert on data drift that a report raises; `changes` replace entries."""
    entries = {
        "model": found["model"],
        "version": found["version"],
        "kind": "data drift",
        "raised": ids.now() - DAY,
        "sentence": sentence,
    }
    return Alert(**(entries | changes))


def _outputs(manifest: Any, reference: Any, answered: Any) -> dict[str, tuple[Any, Any]]:
    if not manifest.classes:
        return {"prediction": (reference.predictions, answered.values)}
    label = manifest.classes[0]
    chances = [chance[0] for chance in answered.probabilities]
    return {f"probability of {label}": (reference.probabilities[label], chances)}


def _performance(
    manifest: Any, reference: Any, answered: Any, window: Window, known: Any
) -> tuple[Any, Any, Any]:
    held_out = {name: HeldOut(each.mean, each.spread) for name, each in manifest.metrics.items()}
    actual = [each for each, there in zip(window.actual, known, strict=True) if there]
    if not manifest.classes:
        predicted = np.array(answered.values)[known]
        answers: Any = Regressed(predicted, np.array(actual, dtype=float))
        codes: Any = answers.actual
        weights, estimated = np.ones(len(actual)), ()
    else:
        code = {label: at for at, label in enumerate(manifest.classes)}
        predicted = np.array([code[each] for each in answered.values])
        chances = np.array(answered.probabilities)
        answers = Classified(predicted[known], len(code), chances[known], positive=0)
        codes = np.array([code[each] for each in actual], dtype=int)
        weights = truth(codes, len(code))
        bins = [
            estimate.Reliability(*msgspec.structs.astuple(each)) for each in reference.reliability
        ]
        estimated = estimate.measure(Classified(predicted, len(code), chances, positive=0), bins)
    if not actual:
        return (), None, estimated
    lost = losses.measure(answers, codes, held_out)
    assert lost
    watch = concept.update(concept.Watch(), lost.of_rows.tolist(), lost.bound)
    realised = performance.measure(answers, weights, held_out)
    return realised, concept.drift(watch, lost.bound, lost.name), estimated


def _of_numbers(name: str, of: str, quantiles: Any, values: Any) -> dict[str, Any]:
    seen = [*quantiles, *values]
    edges = np.linspace(min(seen), max(seen), BINS + 1)
    grid = np.linspace(0, 1, len(quantiles))
    below = [np.interp(edge, quantiles, grid) for edge in edges]
    now, _ = np.histogram(values, edges)
    return {
        "field": name,
        "of": of,
        "edges": edges.tolist(),
        "labels": [],
        "reference": np.diff(below).tolist(),
        "current": (now / len(values)).tolist(),
    }


def _of_labels(name: str, counts: dict[str, int], values: Any) -> dict[str, Any]:
    came, labels = Counter(values), list({**counts, **Counter(values)})
    return {
        "field": name,
        "of": "field",
        "edges": [],
        "labels": labels,
        "reference": [counts.get(each, 0) / max(1, sum(counts.values())) for each in labels],
        "current": [came[each] / len(values) for each in labels],
    }
