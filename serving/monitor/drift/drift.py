"""Data drift: each field and the prediction itself, held against the distributions of training."""

from collections.abc import Mapping, Sequence

from serving.monitor.drift import (
    chi_square,
    jensen_shannon,
    kolmogorov_smirnov,
    missing,
    out_of_range,
    population_stability,
    unseen_labels,
    wasserstein,
)
from serving.monitor.drift.finding import Test, judged
from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.report import Drift, FieldDrift, Finding, Statements, Verdict
from serving.statement import Statement

FALSE_ALARMS = 0.01  # of passes over windows in which nothing changed, at most so many find drift
LEAST_ROWS = 200

NUMBERS = (kolmogorov_smirnov.TEST, wasserstein.TEST, population_stability.OF_NUMBERS)
LABELS = (chi_square.TEST, jensen_shannon.TEST, population_stability.OF_LABELS)
# Of a field, not of an answer, these say more:
OF_NUMBER_FIELDS = (*NUMBERS, out_of_range.TEST, missing.TEST)
OF_CATEGORIES = (*LABELS, unseen_labels.TEST, missing.TEST)

Samples = Mapping[str, Numbers | Labels]


def measure(fields: Samples, predictions: Samples) -> Drift:
    """Test every field, and every output of the model, for drift.

    Drift is an effect that matters *and* that chance does not explain. With small windows it is
    chance that sets the limit, with large ones the effect; so both ways in which Evidently decides,
    by p-value for small data and by distance for large, hold at once. The p-values are corrected
    for the number of tests: Dunn (1961), Multiple Comparisons among Means, JASA 56, 52-64
    (Bonferroni's inequality), which needs no independence of the fields.

    Parameters
    ----------
    predictions : mapping
        By output: the probabilities of a label, the numbers that a regression predicted, or the
        predicted labels; each against *predictions* on rows that the model had not seen.

    >>> colors = Labels({"white": 4_000, "red": 1_000}, {"white": 250, "red": 250})
    >>> found = measure({"color": colors}, {})
    >>> found.verdict, found.drifted, found.fields[0].change
    ('drift', ('color',), 0.3)
    >>> measure({"color": Labels({"white": 4_000}, {"red": 3})}, {}).verdict
    'not enough yet'
    """
    asked = [(name, sample, _of_field(sample)) for name, sample in fields.items()]
    answered = [(name, sample, _of_output(sample)) for name, sample in predictions.items()]
    level = FALSE_ALARMS / max(1, sum(len(tests) for *_, tests in asked + answered))
    of_fields = tuple(_tested(*each, level) for each in asked)
    of_predictions = tuple(_tested(*each, level) for each in answered)
    drifted = [each for each in of_fields + of_predictions if each.verdict == "drift"]
    drifted.sort(key=lambda each: each.change or 0.0, reverse=True)
    found = {each.verdict for each in of_fields + of_predictions}
    # A field that hardly ever has a value does not keep the others from being told of.
    verdict: Verdict = "not enough yet"
    if found & {"drift", "no drift"}:
        verdict = "drift" if "drift" in found else "no drift"
    return Drift(
        verdict=verdict,
        drifted=tuple(each.field for each in drifted),
        share=sum(each.verdict == "drift" for each in of_fields) / max(1, len(of_fields)),
        false_alarms=FALSE_ALARMS,
        statements=worst(drifted) if drifted else _nothing(verdict, of_fields),
        fields=of_fields,
        predictions=of_predictions,
    )


def _of_field(sample: Numbers | Labels) -> tuple[Test, ...]:
    return OF_NUMBER_FIELDS if isinstance(sample, Numbers) else OF_CATEGORIES


def _of_output(sample: Numbers | Labels) -> tuple[Test, ...]:
    return NUMBERS if isinstance(sample, Numbers) else LABELS


def _tested(
    field: str, sample: Numbers | Labels, tests: tuple[Test, ...], level: float
) -> FieldDrift:
    findings = tuple(_finding(field, sample, test, level) for test in tests)
    found = {finding.verdict for finding in findings}
    verdict: Verdict = "not enough yet" if "not enough yet" in found else "no drift"
    if "drift" in found:
        verdict = "drift"
    return FieldDrift(
        field=field,
        rows=sample.present,
        verdict=verdict,
        change=max(
            (each.effect for each in findings if each.unit == "share" and each.effect is not None),
            default=None,
        ),
        statements=next(each.statements for each in findings if each.verdict == verdict),
        findings=findings,
    )


def _finding(field: str, sample: Numbers | Labels, test: Test, level: float) -> Finding:
    rows = sample.present + (sample.missing if test is missing.TEST else 0)
    if sample.trained and rows >= LEAST_ROWS:
        return judged(field, test, test.measure(sample), level)
    statements = Statement("nothing_trained", field=field)
    if sample.trained:
        statements = Statement("few_values", {"rows": rows, "needed": LEAST_ROWS}, field)
    return Finding(
        field=field,
        statistic=test.statistic,
        unit=test.unit,
        threshold=test.threshold,
        level=level,
        verdict="not enough yet",
        statements=(statements,),
    )


def worst(drifted: Sequence[FieldDrift]) -> Statements:
    """What is said of the first of those that drifted, and how many others there are."""
    first, *others = drifted
    more = Statement("more_drifted", {"count": len(others)})
    return (*first.statements, more) if others else first.statements


def _nothing(verdict: Verdict, fields: tuple[FieldDrift, ...]) -> Statements:
    if verdict == "no drift":
        return (Statement("as_in_training"),)
    most = max((each.rows for each in fields), default=0)
    return (Statement("few_values", {"rows": most, "needed": LEAST_ROWS}),)
