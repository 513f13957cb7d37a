"""How much of a change of the mean prediction each field explains.

A field contributes to each prediction what lies between the prediction and the base, the mean
prediction in training; all contributions of a row add up to that difference. So their means over
the rows of a window add up to the difference between the mean prediction now and in training.
In training the mean contribution of each field is zero, exactly for a linear model, and nearly for
trees: the base is what they predict if the field is not known.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from serving.errors import ArtefactError
from serving.inputs.schema import Matrix
from serving.models.artefact import Artefact
from serving.models.explaining.contributions import Contributions, Explain, adds_up
from serving.models.explaining.explainer import load_exact
from serving.monitor.counts import Floats
from serving.monitor.drift.comparison import name_outputs
from serving.monitor.findings import Drift, FieldShare, MeanChange, Statements
from serving.statement import Statement

MAX_EXPLAINED = 500  # rows of a window
MIN_EXPLAINED = 100  # fewer may differ from training by chance
PART = 50  # rows between two looks at the clock
MAX_SECONDS = 5.0
LISTED = 3  # fields in an alert

Sample = tuple[Matrix, Floats]


def importance_of(trained: Artefact) -> dict[str, float]:
    """Return the importance of each field relative to the most important one.

    That of the card: by permutation, else by mean contribution; empty if it has neither.
    """
    try:
        card = trained.card()
    except ArtefactError:  # another release wrote it; a check can do without
        return {}
    found = card.importance or card.contributions
    measured = {each.field: max(each.mean, 0.0) for each in found}
    largest = max(measured.values(), default=0.0)
    return {field: value / largest for field, value in measured.items()} if largest else {}


def explain_mean(trained: Artefact, sample: Sample | None, drift: Drift) -> MeanChange | None:
    """Explain the mean prediction by the fields, if anything drifted.

    Parameters
    ----------
    sample : (ndarray of shape (rows, fields), ndarray of shape (rows, outputs)) or None
        Rows of the window, and the outputs that were recorded for them.

    Returns
    -------
    MeanChange or None
        None for a model that is not explained exactly, or whose contributions do not add up to
        the predictions that were recorded.
    """
    if drift.verdict != "drift" or sample is None:
        return None
    order = np.random.default_rng(0).permutation(len(sample[0]))  # time may be up before the end
    rows, outputs = sample[0][order], sample[1][order]
    explain = load_exact(trained.contents, trained.manifest) if len(rows) else None
    if explain is None:
        return None
    parts = [*_explained_in_time(explain, rows)]
    values = np.concatenate([each.values for each in parts])
    found, recorded = parts[0]._replace(values=values), outputs[: len(values)]
    if len(values) < MIN_EXPLAINED or not adds_up(found, recorded).all():
        return None
    return _mean_change(trained, found, drift)


def _explained_in_time(explain: Explain, rows: Matrix) -> Iterator[Contributions]:
    """Explain the rows in parts, until time is up."""
    end = time.monotonic() + MAX_SECONDS
    for start in range(0, len(rows), PART):
        yield explain(rows[start : start + PART])
        if time.monotonic() > end:
            return


def _mean_change(trained: Artefact, found: Contributions, drift: Drift) -> MeanChange:
    changes = found.values.mean(axis=0)  # by field and output
    errors = found.values.std(axis=0, ddof=1) / np.sqrt(len(found.values))
    names = name_outputs(trained)
    column = max(names, key=lambda each: abs(changes[:, each].sum()))
    drifted = {each.field for each in drift.fields if each.verdict == "drift"}
    shares = [
        FieldShare(
            field=field.name,
            drifted=field.name in drifted,
            change=float(changes[place, column]),
            standard_error=float(errors[place, column]),
        )
        for place, field in enumerate(trained.manifest.fields)
    ]
    shares.sort(key=lambda each: -abs(each.change))
    then, rows = float(found.base[column]), len(found.values)
    now = then + sum(each.change for each in shares)
    return MeanChange(
        output=names[column],
        unit=found.unit,
        rows=rows,
        then=then,
        now=now,
        statements=_statements(names[column], found.unit, then, now, shares),
        fields=tuple(shares),
    )


def _statements(
    output: str, unit: str, then: float, now: float, shares: Sequence[FieldShare]
) -> Statements:
    listed = [each for each in shares if each.drifted][:LISTED]
    others = now - then - sum(each.change for each in listed)
    means: dict[str, float | str] = {"output": output, "now": now, "then": then}
    if unit == "probability":
        mean = Statement("mean_probability", means)
        parts = [
            Statement("explains_points", {"points": 100 * each.change}, each.field)
            for each in listed
        ]
        rest = Statement("others_explain_points", {"points": 100 * others})
    else:
        mean = Statement("mean_number", means)
        if unit != "number":
            mean = Statement("mean_in_unit", means | {"unit": unit})
        parts = [Statement("explains", {"change": each.change}, each.field) for each in listed]
        rest = Statement("others_explain", {"change": others})
    return (mean, *parts, rest) if listed else (mean,)
