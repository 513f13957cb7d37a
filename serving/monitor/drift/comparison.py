"""The samples that drift tests compare: of each field and each output, now and in training."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from serving.inputs.field import Field
from serving.models.artefact import Artefact
from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.performance.predictions import positive_label
from serving.monitor.window import UNKNOWN, Window
from serving.statement import Statement


class Comparison(NamedTuple):
    """Samples of the fields and of the outputs by name, and why others cannot be compared."""

    fields: dict[str, Numbers | Labels]
    outputs: dict[str, Numbers | Labels]
    unmeasured: list[Statement]


def compare_with_reference(trained: Artefact, window: Window) -> Comparison:
    """Pair each field and each output of a window with its reference.

    The window gives the fields' values away: of many rows they should not be in memory twice.
    """
    manifest, reference = trained.manifest, trained.reference
    found = Comparison({}, {}, [])
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
                known.quantiles, window.take(name), rows=reference.rows, missing=known.missing
            )
    _add_outputs(found, trained, window)
    return found


def _labels(field: Field, counts: dict[str, int], window: Window, rows: int) -> Labels:
    codes = window.take(field.name).astype(np.int64)
    counted = np.bincount(codes[codes > UNKNOWN], minlength=len(field.categories)).tolist()
    current = {label: n for label, n in zip(field.categories, counted, strict=True) if n}
    missing = int(np.sum(codes == UNKNOWN))
    return Labels(counts, current, rows - sum(counts.values()), missing)


def _add_outputs(found: Comparison, trained: Artefact, window: Window) -> None:
    manifest, reference = trained.manifest, trained.reference
    if not manifest.classes and reference.predictions:
        (name,) = name_outputs(trained).values()
        found.outputs[name] = Numbers.of(
            reference.predictions, window.predicted, rows=reference.rows
        )
    elif reference.probabilities and window.probabilities is not None:
        for column, name in name_outputs(trained).items():
            found.outputs[name] = Numbers.of(
                reference.probabilities[manifest.classes[column]],
                window.probabilities[:, column],
                rows=reference.rows,
            )
    elif window.rows:
        found.unmeasured.append(Statement("no_reference_of_predictions"))


def name_outputs(trained: Artefact) -> dict[int, str]:
    """Name the outputs that are compared, by their column; of two labels only one."""
    manifest, reference = trained.manifest, trained.reference
    fields = {field.name for field in manifest.fields}
    if not manifest.classes:
        return {0: _distinct(f"predicted {manifest.target}", fields)}
    labels = [*reference.probabilities]
    if len(manifest.classes) == 2:  # noqa: PLR2004 - the other one is 1 minus it
        labels = [positive_label(manifest, reference) or labels[0]]
    return {manifest.classes.index(each): _distinct(f"P({each})", fields) for each in labels}


def _distinct(name: str, others: Collection[str]) -> str:
    """The name, changed if another has it."""
    while name in others:
        name = f"{name} (output)"
    return name
