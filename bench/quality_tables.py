"""The default model beside scikit-learn's, as Markdown tables."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from bench.quality import BETTER, EQUAL, WORSE, Folds, Result
from serving.models.metrics import metric

VERDICTS = BETTER, EQUAL, WORSE
SECONDARY = "roc_auc", "brier"  # metrics of a classification, after its accuracy
NEAR_CHANCE = 1.5


def tables(results: list[Result]) -> Iterator[str]:
    """The results as Markdown: figures, calibration, and what they sum up to."""
    yield "| set | rows | fields | chosen | metric | ours | RandomForest | better by | |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for each in results:
        folds = next(iter(each.metrics.values()))
        yield (
            f"| {each.name} | {each.rows:,} | {each.fields} | {each.chosen} "
            f"| {metric(folds.name).title} | {_mean(folds.ours)} | {_mean(folds.theirs)} "
            f"| {_mean(folds.gain)} | {folds.verdict} |"
        )
    yield ""
    yield "| set | ROC AUC | RandomForest | | Brier score | RandomForest | |"
    yield "|---|---|---|---|---|---|---|"
    for each in results:
        if each.calibrated:
            pairs = (each.metrics[name] for name in SECONDARY)
            cells = (f"{_mean(one.ours)} | {_mean(one.theirs)} | {one.verdict}" for one in pairs)
            yield f"| {each.name} | {' | '.join(cells)} |"
    yield ""
    yield (
        "| set | rows held out | calibrated by | ECE before | ECE | by chance | RandomForest's "
        "| ROC AUC before | ROC AUC |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for each in results:
        if found := each.calibrated:
            yield (
                f"| {each.name} | {found.rows:,} | {found.method or 'none'} | {found.before:.3f} "
                f"| {found.after:.3f} | {found.by_chance:.3f} | {found.theirs:.3f} "
                f"| {found.auc_before:.3f} | {found.auc_after:.3f} |"
            )
    yield ""
    yield from _summed_up(results)


def _summed_up(results: list[Result]) -> Iterator[str]:
    every = [next(iter(each.metrics.values())) for each in results]
    yield f"- accuracy or mean absolute error: {_verdicts(every)}"
    for name in SECONDARY:
        of = [each.metrics[name] for each in results if name in each.metrics]
        yield f"- {metric(name).title}: {_verdicts(of)}"
    found = [each.calibrated for each in results if each.calibrated]
    within = ", ".join(
        f"{who} {sum(getattr(each, error) <= NEAR_CHANCE * each.by_chance for each in found)}"
        for who, error in (
            ("ours", "after"),
            ("ours without calibration", "before"),
            ("RandomForest", "theirs"),
        )
    )
    yield f"- ECE within {NEAR_CHANCE} times chance, of {len(found)} held-out halves: {within}"
    train, plain = (np.array([getattr(each, of) for each in results]) for of in ("train", "plain"))
    times = train / plain
    yield (
        f"- processor time of training: {train.sum():.0f} s, {train.sum() / plain.sum():.1f} times "
        "that of a plain 5-fold run of the candidates; of one set "
        f"{times.min():.1f} to {times.max():.1f} times, median {np.median(times):.1f}"
    )


def _verdicts(of: list[Folds]) -> str:
    counts = Counter(each.verdict for each in of)
    return f"of {len(of)} sets " + ", ".join(f"{counts[one]} {one}" for one in VERDICTS)


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():.4g} ± {values.std(ddof=1):.2g}"
