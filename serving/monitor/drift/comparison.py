"""The samples that drift tests compare: of each field and each output, now and in training."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from serving.inputs.field import Field
from serving.models.artefact import Artefact
from serving.monitor.drift.samples import Counting, Labels, Numbers
from serving.monitor.performance.predictions import positive_label
from serving.monitor.rows import Rows
from serving.statement import Statement


class Compared(NamedTuple):
    """Samples of the fields and of the outputs by name, and why others cannot be compared."""

    fields: dict[str, Numbers | Labels]
    outputs: dict[str, Numbers | Labels]
    unmeasured: list[Statement]


class Comparison:
    """Each field and each output of a window, whose rows come in parts, beside its reference."""

    def __init__(self, trained: Artefact) -> None:
        self._trained, reference = trained, trained.reference
        self._rows = 0
        self._numbers: dict[str, Counting] = {}
        self._codes: dict[str, Any] = {}  # by field: missing values, then each code
        self._outputs: dict[int, Counting] = {}
        for field in trained.manifest.fields:
            known = reference.fields.get(field.name)
            if known is None or not (known.quantiles or known.counts):
                continue
            if field.type == "category":
                self._codes[field.name] = np.zeros(1 + len(field.categories), np.int64)
            else:
                counting = Counting(known.quantiles, reference.rows, known.missing)
                self._numbers[field.name] = counting
        for column, quantiles in _output_quantiles(trained).items():
            self._outputs[column] = Counting(quantiles, reference.rows)

    def add(self, rows: Rows) -> None:
        """Add rows to the samples."""
        self._rows += len(rows)
        for name, values in rows.fields.items():
            if name in self._numbers:
                self._numbers[name].add(values)
            elif name in self._codes:
                codes = np.nan_to_num(values, nan=-1.0).astype(np.intp) + 1
                self._codes[name] += np.bincount(codes, minlength=len(self._codes[name]))
        outputs = rows.predicted[:, None] if rows.probabilities is None else rows.probabilities
        for column, counting in self._outputs.items():
            counting.add(outputs[:, column])

    def samples(self, unrecorded: Mapping[str, str]) -> Compared:
        """Return the samples of all rows so far.

        Parameters
        ----------
        unrecorded : mapping
            By field: the code of the reason why not all of its values are there.
        """
        found = Compared({}, {}, [])
        for field in self._trained.manifest.fields:
            name = field.name
            if why := unrecorded.get(name):
                found.unmeasured.append(Statement(why, field=name))
            elif name in self._codes:
                found.fields[name] = self._labels(field)
            elif name in self._numbers:
                found.fields[name] = self._numbers[name].sample()
            else:
                found.unmeasured.append(Statement("no_reference", field=name))
        names = name_outputs(self._trained) if self._outputs else {}
        for column, name in names.items():
            found.outputs[name] = self._outputs[column].sample()
        if not names and self._rows:
            found.unmeasured.append(Statement("no_reference_of_predictions"))
        return found

    def _labels(self, field: Field) -> Labels:
        reference = self._trained.reference
        counts = reference.fields[field.name].counts
        missing, *counted = self._codes[field.name].tolist()
        current = {label: n for label, n in zip(field.categories, counted, strict=True) if n}
        return Labels(counts, current, reference.rows - sum(counts.values()), missing)


def _output_quantiles(trained: Artefact) -> dict[int, Sequence[float]]:
    """The quantiles of each output that is compared, by its column; empty if there are none."""
    manifest, reference = trained.manifest, trained.reference
    if not manifest.classes:
        return {0: reference.predictions} if reference.predictions else {}
    if not reference.probabilities:
        return {}
    return {
        column: reference.probabilities[manifest.classes[column]]
        for column in name_outputs(trained)
    }


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
