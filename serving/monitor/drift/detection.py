"""Data drift: whether any field or any output of the model drifted, by all tests together."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from serving.monitor.drift import distribution_tests, value_tests
from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.drift.test import MIN_ROWS, DriftTest
from serving.monitor.findings import Drift, FieldDrift, Statements, Verdict
from serving.statement import Statement

FALSE_ALARMS = 0.01  # the largest share of checks that find drift where nothing changed
TESTS = (*distribution_tests.TESTS, *value_tests.TESTS)

Samples = Mapping[str, Numbers | Labels]


def detect_drift(
    fields: Samples, outputs: Samples, importance: Mapping[str, float] | None = None
) -> Drift:
    """Test every field, and every output of the model, for drift.

    Drift is an effect that matters *and* that chance does not explain. With small windows it is
    chance that sets the limit, with large ones the effect; so both ways in which Evidently decides,
    by p-value for small data and by distance for large, hold at once. The p-values are corrected
    for the number of tests: Dunn (1961), Multiple Comparisons among Means, JASA 56, 52-64
    (Bonferroni's inequality), which does not need the fields to be independent.

    Parameters
    ----------
    outputs : mapping
        By name: the probabilities of a label, the numbers that a regression predicted, or the
        predicted labels; each against predictions on rows that the model had not seen.
    importance : mapping, optional
        Of each field, relative to the most important one.

    >>> colors = Labels({"white": 4_000, "red": 1_000}, {"white": 250, "red": 250})
    >>> found = detect_drift({"color": colors}, {})
    >>> found.verdict, found.drifted, found.fields[0].change
    ('drift', ('color',), 0.3)
    >>> detect_drift({"color": Labels({"white": 4_000}, {"red": 3})}, {}).verdict
    'not enough yet'
    """
    of_fields = [(name, sample, _tests_of(sample)) for name, sample in fields.items()]
    of_outputs = [
        (name, sample, [test for test in _tests_of(sample) if not test.fields_only])
        for name, sample in outputs.items()
    ]
    level = FALSE_ALARMS / max(1, sum(len(tests) for *_, tests in of_fields + of_outputs))
    known = importance or {}
    found_fields = tuple(
        replace(_test_field(*each, level), importance=known.get(each[0])) for each in of_fields
    )
    found_outputs = tuple(_test_field(*each, level) for each in of_outputs)
    drifted = most_drifted(found_fields + found_outputs)
    verdicts = {each.verdict for each in found_fields + found_outputs}
    # A field that hardly ever has a value does not keep the others from being judged.
    verdict: Verdict = next(
        (each for each in ("drift", "no drift") if each in verdicts), "not enough yet"
    )
    return Drift(
        verdict=verdict,
        drifted=tuple(each.field for each in drifted),
        share=sum(each.verdict == "drift" for each in found_fields) / max(1, len(found_fields)),
        false_alarms=FALSE_ALARMS,
        statements=summary(drifted) if drifted else _nothing(verdict, found_fields),
        fields=found_fields,
        predictions=found_outputs,
    )


def most_drifted(found: Sequence[FieldDrift]) -> list[FieldDrift]:
    """Those that drifted, the most changed first where it matters."""
    drifted = [each for each in found if each.verdict == "drift"]
    return sorted(drifted, key=lambda each: each.rank)


def summary(drifted: Sequence[FieldDrift]) -> Statements:
    """The statements of the first that drifted, and how many others did."""
    first, *others = drifted
    more = Statement("more_drifted", {"count": len(others)})
    return (*first.statements, more) if others else first.statements


def _tests_of(sample: Numbers | Labels) -> list[DriftTest]:
    return [test for test in TESTS if isinstance(sample, test.samples)]


def _test_field(
    field: str, sample: Numbers | Labels, tests: Sequence[DriftTest], level: float
) -> FieldDrift:
    findings = tuple(test.find(field, sample, level) for test in tests)
    verdicts: tuple[Verdict, ...] = ("drift", "not enough yet", "no drift")
    worst = next(each for verdict in verdicts for each in findings if each.verdict == verdict)
    effects = [each.effect for each in findings if each.unit == "share"]
    return FieldDrift(
        field=field,
        rows=sample.present,
        verdict=worst.verdict,
        change=max((each for each in effects if each is not None), default=None),
        statements=worst.statements,
        findings=findings,
    )


def _nothing(verdict: Verdict, fields: Sequence[FieldDrift]) -> Statements:
    if verdict == "no drift":
        return (Statement("as_in_training"),)
    rows = max((each.rows for each in fields), default=0)
    return (Statement("few_values", {"rows": rows, "needed": MIN_ROWS}),)
