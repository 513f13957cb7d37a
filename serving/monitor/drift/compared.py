"""What of a window is compared with what of training, and what cannot be."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from serving.inputs.field import Field
from serving.models.manifest import Manifest, Reference
from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.window import UNKNOWN, Window
from serving.statement import Statement


class Compared(NamedTuple):
    """Samples of the fields and of the outputs by name, and why others are not there."""

    fields: dict[str, Numbers | Labels]
    outputs: dict[str, Numbers | Labels]
    unmeasured: list[Statement]


def positive(manifest: Manifest, reference: Reference) -> str | None:
    """Of two classes, the one that is looked for, where the artefact tells which it is."""
    if manifest.threshold:
        return manifest.threshold.label
    named = [*reference.probabilities]
    return named[0] if len(manifest.classes) == 2 and len(named) == 1 else None  # noqa: PLR2004


def compared(manifest: Manifest, reference: Reference, window: Window) -> Compared:
    """Put each field and each output beside its reference.

    The window hands the fields' values over: of many rows they are not to be kept twice.
    """
    found = Compared({}, {}, [])
    for field in manifest.fields:
        name, known = field.name, reference.fields.get(field.name)
        if why := window.unrecorded.get(name):
            found.unmeasured.append(Statement(why, field=name))
        elif known is None or not (known.quantiles or known.counts):
            found.unmeasured.append(Statement("no_reference", field=name))
        elif field.type == "category":
            found.fields[name] = _labels(field, known.counts, window, reference.rows)
        else:
            found.fields[name] = Numbers.of(
                known.quantiles, window.taken(name), rows=reference.rows, missing=known.missing
            )
    _add_outputs(found, manifest, reference, window)
    return found


def _labels(field: Field, counts: dict[str, int], window: Window, rows: int) -> Labels:
    codes = window.taken(field.name).astype(np.int64)
    came = np.bincount(codes[codes > UNKNOWN], minlength=len(field.categories)).tolist()
    current = {label: n for label, n in zip(field.categories, came, strict=True) if n}
    missing = int(np.sum(codes == UNKNOWN))
    return Labels(counts, current, rows - sum(counts.values()), missing)


def _add_outputs(found: Compared, manifest: Manifest, reference: Reference, window: Window) -> None:
    names = {field.name for field in manifest.fields}
    if not manifest.classes and reference.predictions:
        name = _apart(f"predicted {manifest.target}", names)
        found.outputs[name] = Numbers.of(
            reference.predictions, window.predicted, rows=reference.rows
        )
    elif reference.probabilities and window.probabilities is not None:
        labels = [*reference.probabilities]
        if len(manifest.classes) == 2:  # noqa: PLR2004 - the other one says the same
            labels = [positive(manifest, reference) or labels[0]]
        for label in labels:
            found.outputs[_apart(f"probability of {label}", names)] = Numbers.of(
                reference.probabilities[label],
                window.probabilities[:, manifest.classes.index(label)],
                rows=reference.rows,
            )
    elif window.rows:
        found.unmeasured.append(Statement("no_reference_of_predictions"))


def _apart(name: str, others: Collection[str]) -> str:
    """A name that none of the others is."""
    while name in others:
        name = f"{name} (answered)"
    return name
